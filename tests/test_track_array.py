"""Promises of gathering: one array, in memory or in a file, never mostly NaN."""

import sys
import tracemalloc

import numpy as np
import psutil
import pytest
from numpy.testing import assert_array_equal

from skgenre import AudioDecodeError, MFCCExtractor
from skgenre._blocks import gather_rows
from skgenre.features.analysis import TrackArray


def gather(counts, *, n_segments=None, mmap_dir=None):
    """Tracks of so many segments of shape (2, 3), each full of its track's number."""
    with TrackArray(
        len(counts), n_segments=n_segments, segment_shape=(2, 3), mmap_dir=mmap_dir
    ) as tracks:
        for number, count in enumerate(counts):
            tracks.append(np.full((count, 2, 3), number, np.float32))
        tracks.finish([f"{number}.wav" for number in range(len(counts))])
    return tracks.load()


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(("n_segments", "width"), [(None, 3), (4, 4)])
def test_missing_segments_are_nan(tmp_path, in_file, n_segments, width):
    folder = tmp_path / "new" if in_file else None
    X = gather([1, 3, 2], n_segments=n_segments, mmap_dir=folder)
    assert X.shape == (3, width, 2, 3)
    assert X.dtype == np.float32
    nan = np.nan
    expected = np.array([[0, nan, nan, nan], [1, 1, 1, nan], [2, 2, nan, nan]])
    for frame, coefficient in np.ndindex(2, 3):
        assert_array_equal(X[:, :, frame, coefficient], expected[:, :width])


# Five tracks of one segment and one of n: 5 (n - 1) are missing, 5 + n are there.
@pytest.mark.parametrize(("longest", "is_refused"), [(25, False), (26, True)])
@pytest.mark.parametrize("in_file", [False, True])
def test_padding_beyond_four_times_the_data_is_refused(
    tmp_path, in_file, longest, is_refused
):
    counts = [1, 1, 1, longest, 1, 1]
    folder = tmp_path if in_file else None
    if not is_refused:
        assert gather(counts, mmap_dir=folder).shape[1] == longest
        return
    with pytest.raises(ValueError, match=r"^3\.wav is too long .* 26 segments, all 6"):
        gather(counts, mmap_dir=folder)
    assert list(tmp_path.iterdir()) == []


def test_padding_is_free_where_the_number_of_segments_is_given():
    assert gather([1] * 9, n_segments=100).shape[1] == 100


def test_refusal_comes_before_anything_is_padded():
    tracemalloc.start()
    with pytest.raises(ValueError, match="too long"):
        gather([1] * 999 + [10_000])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The data have 264 kB, and padded 240 MB.
    assert peak < 2e6


def test_a_long_recording_among_short_ones_is_named(write_tone):
    paths = [write_tone(f"{number}.wav", duration=1.0) for number in range(9)]
    paths.insert(4, write_tone("long.wav", duration=60.0))
    extractor = MFCCExtractor(segment_duration=1.0, n_segments=None)
    with pytest.raises(ValueError, match=r"long\.wav is too long .* 60 segments"):
        extractor.transform(paths)
    assert extractor.transform(paths[4:9]).shape == (5, 60, 44, 13)


def test_a_mapped_result_is_the_same_read_only_and_the_only_file(made_tracks, tmp_path):
    expected = MFCCExtractor(n_segments=None).transform(made_tracks.paths[:3])
    extractor = MFCCExtractor(n_segments=None, mmap_dir=tmp_path, n_jobs=2)
    X = extractor.transform(made_tracks.paths[:3])
    assert isinstance(X, np.memmap)
    assert_array_equal(X, expected)
    assert not X.flags.writeable
    assert list(tmp_path.iterdir()) == [X.filename]


def test_each_mapped_result_has_a_file_of_its_own(made_tracks, tmp_path):
    extractor = MFCCExtractor(n_segments=np.int64(1), mmap_dir=tmp_path)
    first, second = (extractor.transform([path]) for path in made_tracks.paths[[0, 9]])
    assert len(list(tmp_path.iterdir())) == 2
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("n_segments", [None, 1])
def test_a_bad_file_leaves_no_mapped_result(made_tracks, tmp_path, n_segments):
    paths = [*made_tracks.paths[:2], tmp_path / "none.wav"]
    extractor = MFCCExtractor(n_segments=n_segments, mmap_dir=tmp_path / "maps")
    with pytest.raises(AudioDecodeError, match=r"none\.wav"):
        extractor.transform(paths)
    assert list((tmp_path / "maps").iterdir()) == []


def test_bad_files_left_out_have_no_rows_in_a_mapped_result(made_tracks, tmp_path):
    good = made_tracks.paths[:2].tolist()
    extractor = MFCCExtractor(n_segments=1, mmap_dir=tmp_path / "maps")
    analysis = extractor.analyse([tmp_path / "none.wav", *good], strict=False)
    assert isinstance(analysis.features, np.memmap)
    assert_array_equal(analysis.features, MFCCExtractor(n_segments=1).transform(good))


@pytest.mark.skipif(sys.platform == "win32", reason="counts file descriptors")
def test_of_many_long_tracks_none_keeps_a_file_open(monkeypatch):
    monkeypatch.setattr("skgenre._blocks.MAX_HELD_BYTES", 100)
    track = np.arange(90, dtype=np.float32).reshape(15, 2, 3)
    process, counts = psutil.Process(), []
    with TrackArray(5, n_segments=None, segment_shape=(2, 3)) as tracks:
        for number in range(5):
            tracks.append(gather_rows([track[:10], track[10:] + number]))
            counts.append(process.num_fds())
        tracks.finish(["a", "b", "c", "d", "e"])
    assert counts[-1] == counts[0]
    assert_array_equal(tracks.load()[4, 10:], track[10:] + 4)


def test_the_result_of_one_track_may_be_written_to_kept_or_not(made_tracks, tmp_path):
    extractor = MFCCExtractor(n_segments=None, cache_dir=tmp_path)
    for _ in ("computed", "kept"):
        X = extractor.transform(made_tracks.paths[:1])
        assert np.isfinite(X).all()
        X[0] = np.nan


def test_a_result_in_memory_may_be_written_to(made_tracks):
    X = MFCCExtractor(n_segments=None).transform(made_tracks.paths[:2])
    X[0] = 7
    assert (X[0] == 7).all()
    assert np.isfinite(X[1]).all()
