"""What is wrong with a collection of tracks."""

from skgenre.audit.report import FAULTS, AuditReport, Finding
from skgenre.audit.run import audit_tracks

__all__ = ["FAULTS", "AuditReport", "Finding", "audit_tracks"]
