"""From a fitted model to the parts of its file, and back."""

import importlib
import io
import json
import re
import warnings
import zipfile
from datetime import UTC, datetime

import skops.io
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.neighbors import KNeighborsClassifier
from skops.io.exceptions import UnsupportedTypeException

from skgenre._validation import check_number
from skgenre.datasets import fingerprint_tracks
from skgenre.features import WORKINGS, MFCCExtractor
from skgenre.persistence.allowed_types import OUR_FUNCTIONS, OUR_OBJECTS
from skgenre.persistence.archive import SCHEMA
from skgenre.persistence.model_info import FORMAT_VERSION, list_versions
from skgenre.persistence.parts import (
    build_neighbor_tree,
    check_importable,
    copy_parts,
    iterate_parts,
)
from skgenre.persistence.schema import (
    CONTENT_ERRORS,
    ForbiddenTypeError,
    SchemaError,
    UntrustedTypesError,
    audit_schema,
    compact_schema,
)
from skgenre.persistence.soundness import check_classifier, check_sound
from skgenre.training import TrainedNetwork


def pack_model(model, *, data, scores):
    """Info and members of the file of a fitted classifier."""
    check_classifier(model)
    scores = _check_scores(scores)
    model = copy_parts(model)
    for part in iterate_parts(model):
        check_importable(part)
    check_sound(model)
    members = _dump(model)
    info = {
        **_describe(model),
        "data": _fingerprint(data),
        "scores": scores,
        "trusted": _list_untrusted(members),
    }
    return info, members


def unpack_model(info, members, *, trusted, cache_dir):
    """The classifier of a file; raises SchemaError for what is no classifier."""
    names = audit_schema(members, trusted=trusted)
    try:
        # A crafted file may name a folder to write to, or ask for a thousand processes.
        model = copy_parts(_load(members, names))
        check_sound(model)
        is_foreign = info["versions"].get("keras") != list_versions().get("keras")
        for part in iterate_parts(model):
            _settle(part, cache_dir, written_by_other_keras=is_foreign)
    except CONTENT_ERRORS as error:
        raise SchemaError(f"its content makes no model ({error!r})") from error
    return model


def _load(members, names):
    with warnings.catch_warnings():
        # One for each estimator; `load_model` warns once.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return skops.io.loads(_repack(members), trusted=sorted(names))


def _settle(part, cache_dir, *, written_by_other_keras):
    """Make one part of a loaded model at home in this process."""
    if isinstance(part, MFCCExtractor):
        part.cache_dir = cache_dir
    elif isinstance(part, KNeighborsClassifier):
        build_neighbor_tree(part)
    elif isinstance(part, TrainedNetwork) and written_by_other_keras:
        part.forget_fingerprint()


def _dump(model):
    try:
        dumped = skops.io.dumps(model)
    except (*CONTENT_ERRORS, UnsupportedTypeException) as error:
        raise TypeError(
            f"the model has a part that cannot be saved: {error}"
        ) from error
    with zipfile.ZipFile(io.BytesIO(dumped)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return compact_schema(json.loads(members.pop(SCHEMA)), members, _public_names())


def _repack(members):
    """The members as skops reads them; they are known to be sound by now."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _public_names():
    """Module and name where our types are -> the public ones, which stay."""
    names = {}
    for path in OUR_OBJECTS | OUR_FUNCTIONS:
        module, _, name = path.rpartition(".")
        found = getattr(importlib.import_module(module), name)
        names[found.__module__, found.__name__] = module, name
    return names


def _list_untrusted(members):
    """Names that `load_model` must be told to trust; refuse what it can never load."""
    try:
        audit_schema(members)
    except ForbiddenTypeError as error:
        raise TypeError(
            f"the model has a part that cannot be saved: {error}"
        ) from error
    except UntrustedTypesError as error:
        for name in error.names:
            if name.startswith("__main__."):
                raise ValueError(
                    f"the model has {name}, which no other process can import: define "
                    "it in a module of its own."
                ) from error
        return error.names
    return []


def _describe(model):
    """What a file says of its model."""
    extractors = []
    for part in iterate_parts(model):
        if isinstance(part, MFCCExtractor):
            parameters = part.get_params()
            features = {n: v for n, v in parameters.items() if n not in WORKINGS}
            if features not in extractors:
                extractors.append(features)
    return {
        "format_version": FORMAT_VERSION,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": list_versions(),
        # Functions are shown with their addresses.
        "model": re.sub(r" at 0x[0-9a-f]+", "", " ".join(repr(model).split())),
        "classes": model.classes_.tolist(),
        "features": extractors,
    }


def _fingerprint(data):
    if data is None or isinstance(data, str):
        return data
    if not hasattr(data, "paths") or not hasattr(data, "target"):
        raise TypeError(
            "data must have paths and target, as load_genre_folder gives them, or be "
            f"a fingerprint, got {type(data).__name__}."
        )
    return fingerprint_tracks(data)


def _check_scores(scores):
    for name, score in ({} if scores is None else scores).items():
        check_number(score, name=f"scores[{name!r}]")
    return {str(name): float(score) for name, score in (scores or {}).items()}
