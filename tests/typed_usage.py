"""What type checkers see of the public names; mypy reads this file, nothing runs it."""

import io
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import skgenre
from skgenre.model_selection import find_untrained_genres, make_splitter


def use_the_main_job(folder: Path) -> None:
    data = skgenre.load_genre_folder(folder, groups="subfolder")
    result = skgenre.run_benchmark(["mlp", "knn"], data, protocols=["track", "artist"])
    assert_type(result, skgenre.BenchmarkResult)
    assert_type(result.to_table(), str)
    assert_type(result.summary(), list[dict[str, Any]])
    skgenre.write_report(result, folder / "report")
    display = skgenre.BenchmarkDisplay.from_result(result, chance=0.1)
    assert_type(display, skgenre.BenchmarkDisplay)


def use_models(paths: list[str], genres: list[str]) -> None:
    model = skgenre.make_model("mlp", epochs=1).fit(paths, genres)
    skgenre.save_model(model, "model.skops", scores={"accuracy": 0.5})
    skgenre.make_model_card(Path("model.skops")).save("README.md")
    timeline = skgenre.predict_timeline(
        skgenre.load_model("model.skops"), Path(paths[0])
    )
    assert_type(timeline, skgenre.Timeline)
    assert_type(timeline.path, str)


def use_estimators(paths: list[str], genres: list[str]) -> None:
    signal = skgenre.load_audio(paths[0], duration=3.0)
    upload = io.BytesIO(b"RIFF")
    skgenre.MFCCExtractor().transform([upload, (signal, 22050), *paths])
    assert_type(signal, NDArray[np.float32])
    X = skgenre.MFCCExtractor(cache_dir=Path("features")).fit(paths).transform(paths)
    assert_type(X, NDArray[Any])
    embedding = skgenre.MusicnnEmbedding(layer="tags", weights_dir=Path("weights"))
    union = skgenre.SegmentUnion([("tags", embedding)])
    assert_type(union.fit(paths, genres).transform(paths), NDArray[Any])
    mlp = skgenre.MLPGenreClassifier(epochs=1, class_weight="balanced", random_state=0)
    assert_type(mlp.fit(X, genres), skgenre.MLPGenreClassifier)
    assert_type(mlp.predict_proba(X), NDArray[Any])
    splitter = make_splitter("track", genres)
    assert_type(find_untrained_genres(splitter, genres), list[list[str]])


def be_refused() -> None:
    skgenre.MLPGenreClassifier(epochs="many")  # type: ignore[arg-type]
    skgenre.MLPGenreClassifier(dropuot=0.5)  # type: ignore[call-arg]
    skgenre.LSTMGenreClassifier(pooling="average")  # type: ignore[arg-type]
    make_splitter("trakc", ["blues"])  # type: ignore[arg-type]
    skgenre.load_audio(3)  # type: ignore[arg-type]
    skgenre.make_modle  # type: ignore[attr-defined]  # noqa: B018
