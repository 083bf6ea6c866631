import itertools
import pickle
import subprocess
import sys
import zipfile

import librosa
import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skgenre import (
    MFCCExtractor,
    MusicnnEmbedding,
    SegmentPoolingClassifier,
    SegmentStatistics,
    SegmentUnion,
    check_model,
    load_model,
    predict_timeline,
    run_benchmark,
    save_model,
)
from skgenre.benchmark.description import describe
from skgenre.features.embedding import load_network
from skgenre.pretrained import TAGS, load_weights
from skgenre.pretrained.network import make_network

MISSING = r"no weights of MTT_musicnn: .* fetch_musicnn"


@pytest.fixture(scope="module")
def embed(musicnn_folder, tmp_path_factory):
    """Make a transformer with musicnn's own files, and features kept between tests."""
    kept = {
        "weights_dir": musicnn_folder,
        "cache_dir": tmp_path_factory.mktemp("kept"),
    }

    def make(*arguments, **parameters):
        return MusicnnEmbedding(*arguments, **(kept | parameters))

    return make


@pytest.fixture(scope="module")
def few_tracks(made_tracks):
    """Two genres of the made tracks."""
    return Bunch(
        **{name: made_tracks[name][4:12] for name in ("paths", "target", "groups")}
    )


def make_noise(n_samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n_samples).astype(np.float32)


def test_each_segment_is_computed_from_its_own_samples(embed):
    signal = make_noise(3 * 48000)
    X = embed(n_segments=3).transform([(signal, 16000)])
    assert X.shape == (1, 3, 1, 200)
    assert X.dtype == np.float32
    alone = [(part, 16000) for part in np.split(signal, 3)]
    assert_array_equal(X[0], embed(n_segments=1).transform(alone)[:, 0])


def test_features_are_those_of_the_network_on_librosas_spectrogram(embed):
    signal = make_noise(48000)
    mel = librosa.feature.melspectrogram(
        **{"y": signal, "sr": 16000, "n_fft": 512, "hop_length": 256, "n_mels": 96},
        pad_mode="constant",
    )
    log_mel = np.log10(10000 * mel.T[:187] + 1)
    transformer = embed("MSD_musicnn", layer="logits", n_segments=1)
    network = make_network(
        "MSD_musicnn", load_weights("MSD_musicnn", embed().weights_dir)
    )
    X = transformer.transform([(signal, 16000)])
    assert_allclose(X[0, 0, 0], network.compute(log_mel, "logits"), atol=1e-4)


@pytest.mark.parametrize(("n_missing", "is_present"), [(128, True), (129, False)])
def test_segment_counts_when_all_of_its_frames_can_be_had(embed, n_missing, is_present):
    signal = make_noise(2 * 48000 - n_missing)
    X = embed(n_segments=2).transform([(signal, 16000)])
    assert np.isfinite(X[0, 1]).all() == is_present
    assert np.isnan(X[0, 1]).all() != is_present


def test_track_shorter_than_a_segment_is_refused(embed, write_tone):
    with pytest.raises(ValueError, match=r"tone\.wav.*2\.90 s.*47872 samples"):
        embed().transform([write_tone(duration=2.9)])


@pytest.mark.parametrize(
    ("model", "layer", "n_features"),
    [
        ("MTT_musicnn", "penultimate", 200),
        ("MSD_musicnn", "max_pool", 753),
        ("MTT_musicnn", "mean_pool", 753),
        ("MSD_vgg", "penultimate", 256),
    ],
)
def test_features_of_a_layer_are_numbered(embed, model, layer, n_features):
    transformer = embed(model, layer=layer, n_segments=1)
    X = transformer.fit_transform([(make_noise(48000), 16000)])
    names = transformer.get_feature_names_out(["path"])
    assert X.shape == (1, 1, 1, n_features)
    assert names.tolist() == [f"{layer}{number}" for number in range(n_features)]
    assert not hasattr(transformer, "tag_names_")


@pytest.mark.parametrize("model", ["MTT_vgg", "MSD_musicnn"])
def test_tags_are_named_probabilities_of_the_logits(embed, model):
    audio = [(make_noise(48000), 16000)]
    tags, logits = embed(model, layer="tags"), embed(model, layer="logits")
    X = tags.transform(audio)
    assert_allclose(X, expit(logits.transform(audio)), atol=1e-6)
    assert tags.tag_names_ == logits.tag_names_ == TAGS[model[:3]]
    assert tags.get_feature_names_out().tolist() == list(TAGS[model[:3]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": "musicnn"}, "model must be one of 'MTT_musicnn', .* got 'musicnn'"),
        ({"layer": "cnn1"}, "layer must be one of 'penultimate', .* got 'cnn1'"),
        (
            {"model": "MTT_vgg", "layer": "max_pool"},
            "layer must be one of .*'max_pool'",
        ),
        ({"segment_duration": 0.01}, "segment_duration must be at least 0.016 .* 0.01"),
        ({"model": "MSD_vgg", "segment_duration": 5}, "must be 3.0 for .*vgg', got 5"),
        ({"weights_dir": 3}, "weights_dir must be None or a path, got 3"),
        ({"n_segments": 0}, "n_segments must be a positive integer, got 0"),
        ({"channel": "middle"}, "channel must be"),
    ],
)
def test_parameter_out_of_range_is_refused_by_name(parameters, message):
    for refuse in (lambda model: model.fit(["a.wav"]), check_model):
        with pytest.raises((ValueError, TypeError), match=message):
            refuse(MusicnnEmbedding(**parameters))


def test_segments_of_other_lengths_are_those_of_the_musicnn_models(embed):
    audio = [(make_noise(10 * 16000), 16000)]
    X = embed(segment_duration=5.0, n_segments=None).transform(audio)
    assert X.shape == (1, 2, 1, 200)


def test_parameters_out_of_range_are_shown_and_have_no_names():
    for parameters in ({"model": "vgg"}, {"model": "MTT_vgg", "layer": "max_pool"}):
        embedding = MusicnnEmbedding(**{"layer": "tags", **parameters})
        assert "MusicnnEmbedding" in embedding._repr_html_()
        assert not hasattr(embedding, "tag_names_")
        with pytest.raises(ValueError, match="must be one of"):
            embedding.get_feature_names_out()


def make_model(embedding, **parameters):
    mfcc = make_pipeline(MFCCExtractor(**parameters), SegmentStatistics())
    union = SegmentUnion([("mfcc", mfcc), ("embedding", make_pipeline(embedding))])
    return make_pipeline(
        union, SegmentPoolingClassifier(LogisticRegression(max_iter=1000))
    )


def test_weights_are_missed_before_a_file_is_read(few_tracks, tmp_path, monkeypatch):
    monkeypatch.setattr("skgenre.features.base.stream_audio", None)
    paths, y = few_tracks.paths, few_tracks.target
    embedding = MusicnnEmbedding(weights_dir=tmp_path)
    model = make_model(embedding)
    search = GridSearchCV(model, {"segmentunion__embedding": [embedding]})
    for use in (
        lambda: embedding.fit(paths),
        lambda: embedding.transform(paths),
        lambda: model.fit(paths, y),
        lambda: model[0].transform(paths),
        lambda: check_model(search),
        lambda: run_benchmark({"model": search}, few_tracks),
    ):
        with pytest.raises(FileNotFoundError, match=MISSING):
            use()


def test_a_network_is_made_once_for_all_tracks_and_threads(embed, monkeypatch):
    made = []

    def count(model, weights):
        made.append(model)
        return make_network(model, weights)

    monkeypatch.setattr("skgenre.features.embedding.make_network", count)
    load_network.cache_clear()
    audio = [(make_noise(48000, seed), 16000) for seed in range(4)]
    embed(n_segments=1, n_jobs=2, cache_dir=None).fit(audio).transform(audio)
    assert made == ["MTT_musicnn"]


def test_stored_features_depend_on_what_decides_them_only(embed, tmp_path):
    audio = [(make_noise(48000), 16000)]
    folder = embed().weights_dir

    def count(*arguments, **parameters):
        transformer = embed(*arguments, cache_dir=tmp_path / "store", **parameters)
        transformer.transform(audio)
        transformer.set_params(weights_dir=f"{folder}/", verbose=0).transform(audio)
        return len(list(tmp_path.glob("store/*/*.npy")))

    assert count() == count(n_jobs=2, mmap_dir=tmp_path) == 1
    assert count(layer="tags") == 2
    assert count("MSD_musicnn") == 3
    assert count(n_segments=2) == 4
    assert count(segment_duration=2.5) == 5
    assert [path.name[:8] for path in tmp_path.glob("*.npy")] == ["musicnn-"] * 2


def test_the_folder_of_the_weights_decides_no_result():
    models = (
        MusicnnEmbedding(),
        MusicnnEmbedding(weights_dir="a"),
        MusicnnEmbedding("MTT_vgg"),
    )
    digests = list(map(describe, models))
    assert digests[0] == digests[1] != digests[2]


def test_transformer_survives_clone_and_pickle(embed):
    audio = [(make_noise(48000), 16000)]
    transformer = embed(layer="tags", n_segments=1, cache_dir=None)
    copied = pickle.loads(pickle.dumps(clone(transformer.fit(audio))))
    assert copied.get_params() == transformer.get_params()
    assert_array_equal(copied.transform(audio), transformer.transform(audio))


def test_neither_tensorflow_nor_musicnn_is_imported(embed, write_tone):
    code = (
        "import sys; from skgenre import MusicnnEmbedding\n"
        "MusicnnEmbedding(weights_dir=sys.argv[1]).fit_transform(sys.argv[2:])\n"
        "print(*sys.modules)"
    )
    arguments = [embed().weights_dir, write_tone(duration=3.0)]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True
    )
    loaded = {name.split(".")[0] for name in run.stdout.decode().split()}
    assert not {"tensorflow", "keras", "musicnn"} & loaded


def test_a_search_over_layers_scores_each_of_them(embed, few_tracks):
    model = make_model(embed(n_segments=2), n_segments=2)
    name = "segmentunion__embedding__musicnnembedding__layer"
    grid = {name: ["tags", "penultimate"]}
    search = GridSearchCV(model, grid, cv=2).fit(few_tracks.paths, few_tracks.target)
    for layer, score in zip(
        grid[name], search.cv_results_["mean_test_score"], strict=True
    ):
        model.set_params(**{name: layer})
        scores = cross_val_score(model, few_tracks.paths, few_tracks.target, cv=2)
        assert score == pytest.approx(scores.mean())


def test_benchmark_takes_embeddings_alone_and_joined(embed, few_tracks):
    classifier = SegmentPoolingClassifier(LogisticRegression(max_iter=1000))
    models = {
        "alone": make_pipeline(embed(n_segments=2), classifier),
        "joined": make_pipeline(make_model(embed(n_segments=2), n_segments=2)),
    }
    parts = np.resize(["train", "valid", "test"], len(few_tracks.paths))
    data = Bunch(**few_tracks, filtered_split=parts)
    protocols = ["segment", "track", "artist", "filtered"]
    with pytest.warns(UserWarning, match="fewer than 50"):
        result = run_benchmark(models, data, protocols=protocols, n_splits=2, n_jobs=2)
    assert [fold["error"] for fold in result.folds] == [None] * len(result.folds)
    done = {(fold["model"], fold["protocol"]) for fold in result.folds}
    assert done == set(itertools.product(models, protocols))


def test_a_model_file_holds_neither_weights_nor_their_folder(
    embed, few_tracks, tmp_path
):
    paths, embedding = few_tracks.paths, embed(n_segments=1)
    model = make_model(embedding, n_segments=1).fit(paths, few_tracks.target)
    save_model(model, tmp_path / "model.skops")
    with zipfile.ZipFile(tmp_path / "model.skops") as archive:
        members = [archive.read(name) for name in archive.namelist()]
    assert not any(str(embedding.weights_dir).encode() in member for member in members)
    assert sum(map(len, members)) < 100_000
    loaded = load_model(tmp_path / "model.skops", cache_dir=embedding.cache_dir)
    (name,) = [name for name in loaded.get_params() if name.endswith("weights_dir")]
    assert loaded.get_params()[name] is None
    loaded.set_params(**{name: tmp_path / "none"})
    with pytest.raises(FileNotFoundError, match=MISSING):
        loaded.predict(paths)
    loaded.set_params(**{name: embedding.weights_dir})
    assert_array_equal(loaded.predict_proba(paths), model.predict_proba(paths))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"segment_duration": 61.0},
            "segment_duration of a MusicnnEmbedding .* most 60",
        ),
        ({"segment_duration": 0.05}, "1 / segment_duration of .* at most 4, got 20"),
        ({"n_segments": 10**6}, r"n_segments \* n_features of .* at most 1.68e\+07"),
    ],
)
def test_what_may_cost_too_much_is_in_no_model_file(
    features, tmp_path, parameters, message
):
    # Saved or loaded: the same check.
    X, y = features
    classifier = SegmentPoolingClassifier(LogisticRegression(max_iter=1000)).fit(X, y)
    embedding = MusicnnEmbedding(**{"segment_duration": 0.3, **parameters})
    model = make_pipeline(embedding, classifier)
    with pytest.raises(ValueError, match=message):
        save_model(model, tmp_path / "model.skops")


def test_a_timeline_takes_all_segments(embed, few_tracks):
    path = few_tracks.paths[0]
    model = make_model(embed(n_segments=1), n_segments=1)
    search = GridSearchCV(model, {}, cv=2).fit(few_tracks.paths, few_tracks.target)
    timeline = predict_timeline(search, path)
    assert_array_equal(timeline.end, [3.0, 6.0])
    expected = search.predict_proba([path])[0]
    assert_allclose(timeline.probabilities[0], expected, rtol=1e-4)


def test_uploads_are_as_good_as_files(embed, write_tone):
    path = write_tone(duration=3.0)
    with open(path, "rb") as file:
        X = embed(n_segments=1).transform([path, file, soundfile.read(path)])
    assert_array_equal(X[1], X[0])
    assert_array_equal(X[2], X[0])
