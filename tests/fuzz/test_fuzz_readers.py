"""Mutants of files that people exchange: what they say, or a ValueError."""

import contextlib
import json
import os
import shutil
import warnings

import numpy as np
import pytest
import soundfile
from fuzz.mutations import fuzzing, mutants
from hypothesis import given
from hypothesis import strategies as st
from model_archive import read_parts, write_parts
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skgenre import (
    FeatureStore,
    ModelFileError,
    TrackStatistics,
    load_genre_folder,
    load_gtzan_features,
    load_mfcc_json,
    load_mfcc_npz,
    load_model,
    load_tagged_folder,
    load_track_table,
    save_mfcc_json,
    save_mfcc_npz,
    save_model,
)

X = np.random.default_rng(0).normal(size=(4, 2, 3, 2)).astype(np.float32)
GENRES = ["blues", "blues", "rock", "rock"]
TRACKS = [f"{genre}/{number}.wav" for number, genre in enumerate(GENRES)]

GROUPS = "path,group\n" + "".join(f"{path},artist {path[0]}\n" for path in TRACKS)
TABLE = "path,genre,artist\n" + "".join(
    f"{path},{genre},{path[-5]}\n" for path, genre in zip(TRACKS, GENRES, strict=True)
)
FEATURES = "filename,tempo,label\n" + "".join(
    f"blues.0000{number}.wav,{number}.5,blues\n" for number in range(4)
)
MODEL = make_pipeline(TrackStatistics(), LogisticRegression()).fit(X, GENRES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    save_mfcc_json(folder / "features.json", X, GENRES)
    save_mfcc_npz(folder / "packed.npz", X, GENRES, paths=TRACKS, groups=TRACKS)
    np.savez(folder / "plain.npz", **np.load(folder / "packed.npz"))
    save_model(MODEL, folder / "model.skops")
    for track in TRACKS:
        (folder / track).parent.mkdir(exist_ok=True)
        (folder / track).touch()
    return folder


@pytest.fixture(scope="module")
def tagged_folder(tmp_path_factory):
    mutagen = pytest.importorskip("mutagen")
    from mutagen.id3 import TCON

    folder = tmp_path_factory.mktemp("tagged")
    for extension in ("mp3", "flac", "ogg", "wav"):
        path = folder / f"a.{extension}"
        soundfile.write(path, np.zeros(2000), 22050)
        file = mutagen.File(path, easy=True)
        if extension == "wav":
            file.add_tags()
            file.tags.add(TCON(text="Rock"))
        else:
            file.update({"genre": "Rock", "artist": "Bo"})
        file.save()
    return folder


def write_mutant(folder, mutant, *names):
    _, content = mutant({name: (folder / name).read_bytes() for name in names})
    (folder / "mutant").write_bytes(content)
    return folder / "mutant"


@contextlib.contextmanager
def refusing(file, kind=ValueError):
    """An error of this kind that names the file is as good as an answer."""
    error = None
    try:
        yield
    except kind as raised:
        error = raised
    assert error is None or str(file) in str(error)


@fuzzing(100)
@given(mutant=mutants())
def test_json_of_features_is_finite_segments_or_refused(folder, mutant):
    file = write_mutant(folder, mutant, "features.json")
    with refusing(file):
        data = load_mfcc_json(file)
        assert data.data.ndim == 3
        assert np.isfinite(data.data).all()
        assert len(data.target) == len(data.data)
        assert set(data.target) <= set(data.target_names)


@fuzzing(100)
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["mapping", "labels", "mfcc", "x"]), inner, max_size=4
            )
        ),
    )
)
def test_any_json_is_features_or_refused(folder, content):
    file = folder / "any.json"
    file.write_text(json.dumps(content))
    with refusing(file):
        assert load_mfcc_json(file).data.ndim == 3


@fuzzing(100)
@given(mutant=mutants())
def test_npz_is_whole_or_refused(folder, mutant):
    file = write_mutant(folder, mutant, "packed.npz", "plain.npz")
    with refusing(file):
        data = load_mfcc_npz(file)
        assert len(data.data) == len(data.target) == len(data.paths) == len(data.groups)


@fuzzing(100)
@given(mutant=mutants())
def test_groups_of_tracks_are_read_or_refused(folder, mutant):
    file = folder / "groups.csv"
    file.write_bytes(mutant({"groups": GROUPS.encode()})[1])
    with refusing(file), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(load_genre_folder(folder, groups=file).groups) == len(TRACKS)


@fuzzing(100)
@given(mutant=mutants())
def test_a_table_of_tracks_is_read_or_refused(folder, mutant):
    file = folder / "tracks.csv"
    file.write_bytes(mutant({"table": TABLE.encode()})[1])
    with refusing(file), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = load_track_table(file)
        assert all(map(os.path.isfile, data.paths))
        assert len(data.paths) == len(data.target) == len(data.groups)


@fuzzing(100)
@given(mutant=mutants())
def test_tags_are_read_or_their_file_is_named(tagged_folder, mutant):
    names = ("a.mp3", "a.flac", "a.ogg", "a.wav")
    name, content = mutant({n: (tagged_folder / n).read_bytes() for n in names})
    file = (tagged_folder / "mutant" / name).with_stem("b")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    try:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            data = load_tagged_folder(tagged_folder)
    finally:
        shutil.rmtree(file.parent)
    is_named = any(str(file) in str(warning.message) for warning in found)
    assert str(file) in data.paths or is_named
    assert len(data.paths) == len(data.target) == len(data.groups) >= len(names)


@fuzzing(100)
@given(mutant=mutants())
def test_a_table_of_features_is_read_or_refused(folder, mutant):
    file = folder / "features.csv"
    file.write_bytes(mutant({"features": FEATURES.encode()})[1])
    with refusing(file):
        data = load_gtzan_features(file)
        assert data.data.shape == (len(data.target), len(data.feature_names))


@fuzzing(100)
@given(mutant=mutants())
def test_an_entry_of_the_store_is_whole_or_absent(folder, mutant):
    store = FeatureStore(folder / "store")
    entry = folder / "store" / "entry.npy"
    store.save(entry, X)
    intact = entry.read_bytes()
    entry.write_bytes(mutant({"entry": intact})[1])
    array = store.load(entry)
    assert array is None or np.array_equal(array, X)


@fuzzing(100)
@given(mutant=mutants())
def test_a_model_file_is_the_model_that_was_saved_or_refused(folder, mutant):
    file = write_mutant(folder, mutant, "model.skops")
    with refusing(file, ModelFileError):
        assert np.array_equal(load_model(file).predict_proba(X), MODEL.predict_proba(X))


@fuzzing(100)
@given(mutant=mutants())
def test_a_damaged_member_under_a_right_checksum_is_a_classifier_or_refused(
    folder, mutant
):
    info, members = read_parts(folder / "model.skops")
    name, content = mutant(members)
    file = folder / "mutant"
    write_parts(file, info, {**members, name: content})
    with refusing(file, ModelFileError):
        assert hasattr(load_model(file), "classes_")
