"""Save a trained model in a file, and load it."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from skgenre._io import atomic_write
from skgenre.persistence.archive import (
    FORMAT_VERSION,
    RefusalError,
    list_versions,
    open_archive,
    open_model_file,
    pack_archive,
    read_info,
    read_members,
)

if TYPE_CHECKING:  # `read_model_info` does without scikit-learn, which takes a second.
    from sklearn.utils import Bunch

    from skgenre._typing import StrPath


def save_model(
    model: Any,
    file: StrPath,
    *,
    data: Bunch | str | None = None,
    scores: Mapping[str, float] | None = None,
) -> None:
    """Save a trained model in a file that can be loaded without trusting it.

    The file (a zip archive, in the format of skops) holds numbers, and names of types
    and functions; no pickle. It has all that predicting needs, and nothing that belongs
    to this machine: `cache_dir`, `cache_key`, `mmap_dir`, `weights_dir`, `n_jobs`,
    `verbose`, `callbacks` and `memory` of all estimators in the model go back to their
    defaults, and what only further training needs is left out (the optimizer's state,
    generators of random numbers, the routing of metadata, splitters given as `cv`). Nor
    does it hold the weights of a `MusicnnEmbedding`. The model itself is not changed.

    Parameters
    ----------
    model : estimator
        A fitted classifier of this package or scikit-learn, a pipeline or an ensemble
        of them, or a search, of which ``best_estimator_`` is saved.
    file : str or Path
        File to write; an existing one is replaced once the new one is whole.
    data : Bunch or str, default=None
        The tracks it was trained on (``paths`` and ``target``, as the loaders return
        them), of which a digest is kept; or such a digest.
    scores : dict of str to float, default=None
        Numbers to keep with the model, such as its accuracies.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        The model is not fitted.
    TypeError, ValueError
        The model is not a classifier, or has a part that other processes cannot
        import, such as a lambda, a local function, or one defined in ``__main__``; a
        score is not a number. Nothing is written.
    OSError
        The file cannot be written; one that was there before is left as it was.

    Warns
    -----
    UserWarning
        The model has types or functions that `load_model` does not know, such as a
        builder of your own: it must be given the names in the message as `trusted`.

    See Also
    --------
    load_model : Load the model from the file.
    read_model_info : Read the description of the model in the file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skgenre import MLPGenreClassifier, load_model, save_model
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> model = MLPGenreClassifier(hidden_layer_sizes=(8,), epochs=1).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, f"{folder}/model.skops")
    ...     loaded = load_model(f"{folder}/model.skops")
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    # Here, because they import scikit-learn.
    from skgenre._validation import check_number
    from skgenre.datasets import digest_tracks
    from skgenre.persistence.parts import (
        check_classifier,
        copy_model,
        list_feature_parameters,
    )
    from skgenre.persistence.schema import (
        CONTENT_ERRORS,
        audit_schema,
        dump_members,
        make_objects,
    )

    scores = dict(scores or {})
    for name, score in scores.items():
        check_number(score, name=f"scores[{name!r}]")
    check_classifier(model)
    if data is not None and not isinstance(data, str):
        if not hasattr(data, "paths") or not hasattr(data, "target"):
            raise TypeError(
                "data must have paths and target, as load_genre_folder gives them, or "
                f"be a digest, got {type(data).__name__}."
            )
        data = digest_tracks(data)
    try:
        model, parts = copy_model(model)
        members = dump_members(model)
        schema, untrusted = audit_schema(members)
        # What is saved can be loaded: it is, here.
        make_objects(schema, members)
        info = {
            "format_version": FORMAT_VERSION,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": list_versions(),
            # Functions are shown with their addresses.
            "model": re.sub(r" at 0x[0-9a-f]+", "", " ".join(repr(model).split())),
            "classes": model.classes_.tolist(),
            "features": list_feature_parameters(parts),
            "data": data,
            "scores": {str(name): float(score) for name, score in scores.items()},
            "trusted": untrusted,
        }
        content = pack_archive(info, members)
    except (RefusalError, *CONTENT_ERRORS) as error:
        raise ValueError(
            f"the model has a part that cannot be saved: {error}. Leave it out, or "
            "pickle the model (joblib.dump), and load only pickles of your own."
        ) from error
    if untrusted:
        warnings.warn(
            f"{', '.join(untrusted)}: not on the list of what a model file may hold. "
            "Whoever loads the file must trust them: "
            f"load_model({os.fspath(file)!r}, trusted={untrusted})",
            UserWarning,
            stacklevel=2,
        )
    with atomic_write(file) as opened:
        opened.write(content)


def load_model(
    file: StrPath, *, trusted: Sequence[str] = (), cache_dir: StrPath | None = None
) -> Any:
    """Load a model that `save_model` has written.

    No code from the file is ever run, whoever wrote it: only types and functions from
    a fixed list are made, each by its exact name, and files of any other form, pickles
    among them, are refused. TensorFlow is not imported before the first prediction. A
    `MusicnnEmbedding` in the model looks for its weights in the default places;
    ``set_params`` gives it another `weights_dir`.

    Parameters
    ----------
    file : str or Path
        Written by `save_model`.
    trusted : sequence of str, default=()
        Full names of types and functions of your own that the model may use, such as
        ``["mypackage.networks.build_gru"]``. They are imported, and run when the model
        predicts.
    cache_dir : str, Path or None, default=None
        Folder in which the extractors in the loaded model are to keep features.

    Returns
    -------
    model : estimator
        The fitted classifier. One that somebody has forged may predict anything, or
        raise an ordinary exception of any type when it does.

    Raises
    ------
    ModelFileError
        The file is not a model file, is damaged, was written by a newer version of
        skgenre, or holds types that are not trusted, which the message names.
    OSError
        The file is missing or cannot be read.
    TypeError
        `trusted` is not a sequence of names.

    Warns
    -----
    UserWarning
        The file was written with another major version of skgenre, or another major or
        minor version of scikit-learn.

    See Also
    --------
    save_model : Save a model in a file.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import load_model, make_genre_tracks, make_model, save_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=4.0, random_state=0
    ...     )
    ...     model = make_model("logistic").fit(data.paths, data.target)
    ...     save_model(model, f"{folder}/model.skops", data=data)
    ...     loaded = load_model(f"{folder}/model.skops", cache_dir=f"{folder}/features")
    ...     bool((loaded.predict(data.paths) == model.predict(data.paths)).all())
    True
    """
    from sklearn.exceptions import InconsistentVersionWarning

    from skgenre.persistence.parts import check_classifier, settle
    from skgenre.persistence.schema import CONTENT_ERRORS, audit_schema, make_objects

    names = (trusted,) if trusted is None else tuple(trusted)
    if isinstance(trusted, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"trusted must be a sequence of names, got {trusted!r}.")
    installed = list_versions()
    with open_model_file(file) as opened:
        # First, so that other files than models are not read whole.
        info = read_info(open_archive(opened))
        opened.seek(0)
        # In memory: what is loaded must be what was audited, should the file change.
        content = opened.read()
        members = read_members(content, info["digest"])
        try:
            schema, untrusted = audit_schema(members, trusted=frozenset(names))
            if untrusted:
                raise RefusalError(
                    "it holds types that are not known to be harmless: "
                    f"{', '.join(untrusted)}. If you trust them, and whoever wrote the "
                    f"file, load it with trusted={untrusted}."
                )
            with warnings.catch_warnings():
                # One for each estimator; there is one for all below.
                warnings.simplefilter("ignore", InconsistentVersionWarning)
                model, parts = make_objects(schema, members)
            check_classifier(model)
            is_foreign = info["versions"].get("keras") != installed.get("keras")
            for part in parts:
                settle(part, cache_dir, written_by_other_keras=is_foreign)
        except CONTENT_ERRORS as error:
            versions = [
                f"{package} {info['versions'].get(package)} (installed: {version})"
                for package, version in installed.items()
                if info["versions"].get(package) != version
            ]
            reason = f"no model can be made of its content ({error!r})"
            if versions:
                reason += f"; it was written with {', '.join(versions)}"
            raise RefusalError(reason) from error
    # Scikit-learn changes fitted attributes between 1.x and 1.y.
    for package, n_parts in (("skgenre", 1), ("scikit-learn", 2)):
        written, version = str(info["versions"].get(package)), installed[package]
        if written.split(".")[:n_parts] != version.split(".")[:n_parts]:
            warnings.warn(
                f"{os.fspath(file)} was written with {package} {written}, and "
                f"{version} is installed: its predictions may differ.",
                UserWarning,
                stacklevel=2,
            )
    return model
