"""Names of files in messages."""

_N_LISTED = 10


def list_names(names):
    """The first names, and how many more there are."""
    listed = ", ".join(str(name) for name in names[:_N_LISTED])
    more = len(names) - _N_LISTED
    return f"{listed} and {more} more" if more > 0 else listed
