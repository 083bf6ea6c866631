"""Fits that change all of an estimator's attributes together, or none."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_Method = TypeVar("_Method", bound="Callable[..., Any]")


def atomic_fit(method: _Method) -> _Method:
    """Decorate a `fit`, so that refused or failed it leaves the estimator as it was.

    The method runs on a copy, whose attributes the estimator takes over at the end, in
    one assignment: whatever interrupts it, and whoever predicts meanwhile, finds the
    last fit whole. The copy is shallow: what an earlier fit has left may be replaced,
    not changed in place.
    """

    @functools.wraps(method)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        fitted = object.__new__(type(self))
        vars(fitted).update(vars(self))
        method(fitted, *args, **kwargs)
        self.__dict__ = vars(fitted)
        return self

    return cast("_Method", fit)
