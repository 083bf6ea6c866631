"""Type aliases of public signatures, for type checkers only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias

import numpy as np

StrPath: TypeAlias = str | PathLike[str]
Paths: TypeAlias = Sequence[StrPath] | np.ndarray
Pooling: TypeAlias = Literal["mean", "geometric", "median", "vote", "max"]
Protocol: TypeAlias = Literal["segment", "track", "artist", "filtered"]
RandomState: TypeAlias = int | np.integer | np.random.RandomState | None
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None
# A number of folds, a splitter, or the folds themselves; scikit-learn has no types.
CrossValidation: TypeAlias = int | Iterable[Any] | Any | None
Row: TypeAlias = dict[str, Any]
Progress: TypeAlias = Callable[..., Iterable[Any]] | None
