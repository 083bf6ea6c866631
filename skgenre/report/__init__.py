"""Results as files: a page with its figures, the paper's tables, a model's card."""

from skgenre.report.card import make_model_card
from skgenre.report.page import summarise, write_paper, write_report

__all__ = ["make_model_card", "summarise", "write_paper", "write_report"]
