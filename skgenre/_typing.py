"""Type aliases of public signatures, for type checkers only."""

import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

StrPath: TypeAlias = str | PathLike[str]


class BinaryFile(typing.Protocol):
    """An open file, upload or other object of bytes that can be sought."""

    def read(self, size: int = ..., /) -> bytes: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...


# A path, a binary file, or samples and their rate in hertz.
Audio: TypeAlias = StrPath | bytes | BinaryFile | tuple[ArrayLike, float]
Tracks: TypeAlias = Sequence[Audio] | np.ndarray
Pooling: TypeAlias = Literal["mean", "geometric", "median", "vote", "max"]
Protocol: TypeAlias = Literal["segment", "track", "artist", "filtered"]
RandomState: TypeAlias = int | np.integer | np.random.RandomState | None
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None
Row: TypeAlias = dict[str, Any]
Progress: TypeAlias = Callable[..., Iterable[Any]] | None
