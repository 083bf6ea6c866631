"""Check the parameters of a model and of all its parts, without fitting it."""

from __future__ import annotations

import copy
import warnings
from contextlib import contextmanager
from typing import Any

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from skgenre._compat import validate_sklearn_parameters
from skgenre._doc_links import DocLinkMixin
from skgenre._fitting import is_search

# Candidates of a randomised search that does not say how many it will try.
_N_SAMPLED_CANDIDATES = 10


def check_model(model: Any) -> None:
    """Check the parameters of a model and of all its parts, without fitting it.

    The `fit` of a pipeline finds a wrong parameter of its last step only after all
    files are analysed, and a grid search one of a candidate only after the candidates
    before it are fitted. This takes milliseconds. Checked are steps, estimators in
    estimators, the candidates of a grid search, and as many of a randomised search as
    it tries: the same ones if its `random_state` is an integer. `run_benchmark` and
    ``skgenre train`` call it first.

    Parameters
    ----------
    model : estimator
        A classifier, pipeline, search or other meta-estimator, fitted or not. It is not
        changed. Parts from other packages than this one and scikit-learn are not
        checked.

    Raises
    ------
    ValueError, TypeError
        A parameter is out of range, unknown to the network's builder, or a class where
        an estimator should be. The message names the part as `get_params` does.

    Examples
    --------
    >>> from skgenre import check_model, make_model
    >>> check_model(make_model("mlp", epochs=30))
    >>> try:
    ...     check_model(make_model("mlp", epochs=-1))
    ... except ValueError as error:
    ...     print(error)
    step 'mlpgenreclassifier': epochs must be a positive integer, got -1.
    """
    if not _is_estimator(model) or isinstance(model, type):
        raise TypeError(f"model must be an estimator, got {model!r}.")
    for name, part in _list_parts(model, ""):
        with naming_part(f"step {name!r}" if name else None):
            _check_part(part)
            for candidate in _list_candidates(part) if is_search(part) else ():
                with naming_part(f"candidate {candidate}"):
                    check_model(clone(part.estimator).set_params(**candidate))


@contextmanager
def naming_part(where):
    """Add the part's name to an error, and keep its kind."""
    try:
        yield
    except (TypeError, ValueError) as error:
        # scikit-learn's own error is of both kinds.
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{where}: {error}" if where else str(error)) from error


def _is_estimator(value):
    return hasattr(value, "get_params") and hasattr(value, "fit")


def _list_parts(model, name):
    """Yield the model and all estimators in it, each with its full name."""
    yield name, model
    # Of a search only the candidates count: they may replace what it was given.
    if isinstance(model, type) or is_search(model):
        return
    for key, value in model.get_params(deep=False).items():
        for part_name, part in _list_estimators(key, value):
            yield from _list_parts(part, f"{name}__{part_name}" if name else part_name)


def _list_estimators(key, value):
    """Yield estimators among the values of a parameter: one, or (name, one, ...)."""
    if _is_estimator(value):
        yield key, value
    elif isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, (list, tuple)) and item and isinstance(item[0], str):
                yield from ((item[0], part) for part in item[1:] if _is_estimator(part))


def _check_part(part):
    if isinstance(part, type):
        raise TypeError(
            f"must be an estimator, got the class {part.__name__}; expected "
            f"{part.__name__}(...)."
        )
    if isinstance(part, DocLinkMixin):
        getattr(part, "_check_ready", part._check_parameters)()
    else:
        validate_sklearn_parameters(part)
    if isinstance(part, Pipeline):
        for name, step in part.steps[:-1]:
            if step not in (None, "passthrough") and not hasattr(step, "transform"):
                raise TypeError(
                    f"step {name!r}, which is not the last, must have transform, got "
                    f"{step!r}."
                )


def _list_candidates(search):
    """Parameters of each candidate of a search."""
    if hasattr(search, "param_grid"):
        candidates = ParameterGrid(search.param_grid)
    else:
        state = search.random_state
        candidates = ParameterSampler(
            search.param_distributions,
            getattr(search, "n_iter", _N_SAMPLED_CANDIDATES),
            # Of a copy: the search itself must draw what it would have drawn.
            random_state=0 if state is None else copy.deepcopy(state),
        )
    with warnings.catch_warnings():
        # Of fewer candidates than asked for; the search itself says so.
        warnings.simplefilter("ignore", UserWarning)
        candidates = list(candidates)
    # As the search does: a value may be an estimator, and must not be changed.
    return [clone(candidate, safe=False) for candidate in candidates]
