"""The audit of a collection of tracks: faults of files, sound and labels; replicas."""

from skgenre.audit.report import FAULTS, AuditReport, Finding
from skgenre.audit.run import audit_tracks

__all__ = ["FAULTS", "AuditReport", "Finding", "audit_tracks"]
