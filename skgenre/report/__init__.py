"""Results as files: a page with its figures, and the paper's tables."""

from skgenre.report.page import summarise, write_paper, write_report

__all__ = ["summarise", "write_paper", "write_report"]
