"""Music genre classification from audio files, as scikit-learn estimators."""

import importlib

# Every public name and the module it lives in. Modules are imported at the first use of
# a name, so that `import skgenre` loads neither TensorFlow nor librosa.
_HOMES = {
    "AudioDecodeError": "audio",
    "AuditReport": "audit",
    "BaseTrackClassifier": "track_classifier",
    "BenchmarkDisplay": "displays",
    "BenchmarkResult": "benchmark",
    "CNNGenreClassifier": "keras_classifiers",
    "CovarianceGenreClassifier": "keras_classifiers",
    "FeatureStore": "feature_store",
    "KerasGenreClassifier": "keras_classifiers",
    "LSTMGenreClassifier": "keras_classifiers",
    "MFCCDisplay": "displays",
    "MFCCExtractor": "features",
    "MFCCScaler": "features",
    "MLPGenreClassifier": "keras_classifiers",
    "ModelFileError": "persistence",
    "OpenSetClassifier": "open_set",
    "PaperResult": "benchmark",
    "SegmentPoolingClassifier": "track_classifier",
    "SegmentStatistics": "features",
    "SegmentTimelineDisplay": "displays",
    "TemperatureScaledClassifier": "open_set",
    "Timeline": "timeline",
    "TrackStatistics": "features",
    "TrainingHistoryDisplay": "displays",
    "audit_tracks": "audit",
    "fetch_gtzan": "datasets",
    "load": "persistence",
    "load_audio": "audio",
    "load_genre_folder": "datasets",
    "load_gtzan_features": "datasets",
    "load_mfcc_json": "datasets",
    "load_mfcc_npz": "datasets",
    "make_genre_tracks": "datasets",
    "make_model": "models",
    "predict_timeline": "timeline",
    "read_model_info": "persistence",
    "reproduce_paper": "benchmark",
    "run_benchmark": "benchmark",
    "save": "persistence",
    "save_mfcc_json": "datasets",
    "save_mfcc_npz": "datasets",
    "write_report": "report",
}

__version__ = "0.1.0.dev0"
__all__ = [*_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *__all__])
