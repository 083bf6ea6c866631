"""Transformers whose output is always an array."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal, Self


class ArrayOutputMixin:
    """Take part in a pipeline's `set_output` without changing anything."""

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Change nothing: an array of four axes has no form as a frame.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored; accepted so that a whole pipeline can be configured.

        Returns
        -------
        self : object
            This transformer.
        """
        return self
