"""The axes that a display draws on, and names on them."""


def make_axes(ax, *, figsize):
    """The given axes, or those of a new figure (inches) whose layout has no overlap."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def plain_text(name):
    """A name as matplotlib shows it, and not as the formula that ``$`` would begin."""
    return str(name).replace("$", r"\$")
