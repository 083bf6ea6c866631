"""Transformers whose output is always an array."""


class ArrayOutputMixin:
    """Take part in a pipeline's `set_output` without changing anything."""

    def set_output(self, *, transform=None):
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
