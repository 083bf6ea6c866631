"""Results as files: a page, its figures, and the paper's tables."""

from skgenre.report.page import summarise, write_report
from skgenre.report.paper import write_paper

__all__ = ["summarise", "write_paper", "write_report"]
