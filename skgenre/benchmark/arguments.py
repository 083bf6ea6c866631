"""What `run_benchmark` is given, checked before hours of analysis and fits."""

import tempfile
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path

import numpy as np

from skgenre._io import describe_os_error
from skgenre._validation import (
    check_no_missing_label,
    check_paths,
    name_missing_groups,
)
from skgenre.benchmark.cells import CELLS
from skgenre.benchmark.protocols import Tracks
from skgenre.benchmark.result import RESULT_FILES
from skgenre.model_check import check_model, naming_part
from skgenre.models import make_model


def check_models(models):
    """The models as a dict of estimators by name."""
    if isinstance(models, str):
        models = [models]
    if not isinstance(models, dict):
        names = list(models)
        if not all(isinstance(name, str) for name in names):
            raise TypeError(
                f"models must be names, or a dict of estimators by name, got {names!r}."
            )
        models = {name: make_model(name) for name in names}
    if not models:
        raise ValueError("models must hold at least one model, got none.")
    for name, model in models.items():
        with naming_part(f"models[{name!r}]"):
            check_model(model)
        if not hasattr(model, "predict"):
            raise TypeError(f"models[{name!r}] must have predict, got {model!r}.")
    return models


def check_data(data):
    """The tracks of a Bunch, as arrays."""
    if not hasattr(data, "paths") or not hasattr(data, "target"):
        raise TypeError(
            "data must have paths and target, as load_genre_folder gives them, got "
            f"{type(data).__name__}."
        )
    check_no_missing_label(data.target, name="target")
    paths, target = check_paths(data.paths), np.asarray(data.target)
    if len(paths) != len(target):
        raise ValueError(
            f"data must have one target per path, got {len(target)} for {len(paths)}."
        )
    groups = getattr(data, "groups", None)
    filtered_split = getattr(data, "filtered_split", None)
    return Tracks(
        np.asarray(paths, dtype=object),
        target,
        # Named, so that any splitter within a model takes them, too.
        None if groups is None else name_missing_groups(groups, paths),
        None if filtered_split is None else np.asarray(filtered_split),
    )


def check_choices(protocols, seeds):
    """Protocols and seeds as tuples, whatever form they were given in."""
    if isinstance(protocols, str):
        protocols = (protocols,)
    if isinstance(seeds, Integral):
        seeds = (seeds,)
    protocols, seeds = tuple(protocols), tuple(seeds)
    for name, values in [("protocols", protocols), ("seeds", seeds)]:
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} must be distinct, at least one, got {values!r}.")
    for seed in seeds:
        if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
            raise ValueError(
                f"seeds must be whole numbers from 0 to 2**32 - 1, got {seed!r}."
            )
    return protocols, tuple(int(seed) for seed in seeds)


def check_folder(folder, *, name):
    """Make a folder where one is asked for, so that it cannot fail later."""
    if folder is None:
        return
    with _naming_folder(folder, name):
        Path(folder).mkdir(parents=True, exist_ok=True)


def check_output(folder):
    """Make the folder of the results, and see that they can be written there."""
    if folder is None:
        return
    check_folder(folder, name="output")
    # Permissions do not tell of a read-only file system, and mean nothing to root.
    with _naming_folder(folder, "output"), tempfile.TemporaryFile(dir=folder):
        pass
    cells = Path(folder, CELLS)
    files = [Path(folder, name) for name in RESULT_FILES]
    taken = [path.name for path in files if path.exists() and not path.is_file()]
    taken += [cells.name] if cells.exists() and not cells.is_dir() else []
    if taken:
        raise OSError(
            f"output must be a folder of results, got {str(folder)!r}, where something "
            f"else has the name {taken[0]!r}."
        )


@contextmanager
def _naming_folder(folder, name):
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{name} must be a folder that can be written to, got {str(folder)!r}: "
            f"{describe_os_error(error)}."
        ) from error
