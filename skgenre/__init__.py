"""Music genre classification from audio files, as scikit-learn estimators."""

import importlib
from typing import TYPE_CHECKING

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
    "FeatureStore": "features",
    "IncompleteAudioWarning": "audio",
    "KerasGenreClassifier": "keras_classifiers",
    "LSTMGenreClassifier": "keras_classifiers",
    "MFCCDisplay": "displays",
    "MFCCExtractor": "features",
    "MFCCScaler": "features",
    "MLPGenreClassifier": "keras_classifiers",
    "ModelFileError": "persistence",
    "MusicnnEmbedding": "features",
    "PaperResult": "benchmark",
    "SegmentPoolingClassifier": "track_classifier",
    "SegmentStatistics": "features",
    "SegmentTimelineDisplay": "displays",
    "SegmentUnion": "segment_union",
    "Timeline": "timeline",
    "TrackStatistics": "features",
    "TrainingHistoryDisplay": "displays",
    "audit_tracks": "audit",
    "check_model": "model_check",
    "clear_network_pool": "training",
    "fetch_gtzan": "datasets",
    "fetch_musicnn": "pretrained",
    "load_model": "persistence",
    "load_audio": "audio",
    "load_genre_folder": "datasets",
    "load_gtzan_features": "datasets",
    "load_mfcc_json": "datasets",
    "load_mfcc_npz": "datasets",
    "load_tagged_folder": "datasets",
    "load_track_table": "datasets",
    "make_genre_tracks": "datasets",
    "make_model": "models",
    "make_model_card": "report",
    "predict_timeline": "timeline",
    "read_model_info": "persistence",
    "reproduce_paper": "benchmark",
    "run_benchmark": "benchmark",
    "save_model": "persistence",
    "save_mfcc_json": "datasets",
    "save_mfcc_npz": "datasets",
    "write_report": "report",
}

__version__ = "0.1.0"
__all__ = [*_HOMES]


# Checkers and editors do not run `__getattr__`, and with it would accept any name.
if TYPE_CHECKING:
    from skgenre.audio import AudioDecodeError as AudioDecodeError
    from skgenre.audio import IncompleteAudioWarning as IncompleteAudioWarning
    from skgenre.audio import load_audio as load_audio
    from skgenre.audit import AuditReport as AuditReport
    from skgenre.audit import audit_tracks as audit_tracks
    from skgenre.benchmark import BenchmarkResult as BenchmarkResult
    from skgenre.benchmark import PaperResult as PaperResult
    from skgenre.benchmark import reproduce_paper as reproduce_paper
    from skgenre.benchmark import run_benchmark as run_benchmark
    from skgenre.datasets import fetch_gtzan as fetch_gtzan
    from skgenre.datasets import load_genre_folder as load_genre_folder
    from skgenre.datasets import load_gtzan_features as load_gtzan_features
    from skgenre.datasets import load_mfcc_json as load_mfcc_json
    from skgenre.datasets import load_mfcc_npz as load_mfcc_npz
    from skgenre.datasets import load_tagged_folder as load_tagged_folder
    from skgenre.datasets import load_track_table as load_track_table
    from skgenre.datasets import make_genre_tracks as make_genre_tracks
    from skgenre.datasets import save_mfcc_json as save_mfcc_json
    from skgenre.datasets import save_mfcc_npz as save_mfcc_npz
    from skgenre.displays import BenchmarkDisplay as BenchmarkDisplay
    from skgenre.displays import MFCCDisplay as MFCCDisplay
    from skgenre.displays import SegmentTimelineDisplay as SegmentTimelineDisplay
    from skgenre.displays import TrainingHistoryDisplay as TrainingHistoryDisplay
    from skgenre.features import FeatureStore as FeatureStore
    from skgenre.features import MFCCExtractor as MFCCExtractor
    from skgenre.features import MFCCScaler as MFCCScaler
    from skgenre.features import MusicnnEmbedding as MusicnnEmbedding
    from skgenre.features import SegmentStatistics as SegmentStatistics
    from skgenre.features import TrackStatistics as TrackStatistics
    from skgenre.keras_classifiers import CNNGenreClassifier as CNNGenreClassifier
    from skgenre.keras_classifiers import (
        CovarianceGenreClassifier as CovarianceGenreClassifier,
    )
    from skgenre.keras_classifiers import KerasGenreClassifier as KerasGenreClassifier
    from skgenre.keras_classifiers import LSTMGenreClassifier as LSTMGenreClassifier
    from skgenre.keras_classifiers import MLPGenreClassifier as MLPGenreClassifier
    from skgenre.model_check import check_model as check_model
    from skgenre.models import make_model as make_model
    from skgenre.persistence import ModelFileError as ModelFileError
    from skgenre.persistence import load_model as load_model
    from skgenre.persistence import read_model_info as read_model_info
    from skgenre.persistence import save_model as save_model
    from skgenre.pretrained import fetch_musicnn as fetch_musicnn
    from skgenre.report import make_model_card as make_model_card
    from skgenre.report import write_report as write_report
    from skgenre.segment_union import SegmentUnion as SegmentUnion
    from skgenre.timeline import Timeline as Timeline
    from skgenre.timeline import predict_timeline as predict_timeline
    from skgenre.track_classifier import BaseTrackClassifier as BaseTrackClassifier
    from skgenre.track_classifier import (
        SegmentPoolingClassifier as SegmentPoolingClassifier,
    )
    from skgenre.training import clear_network_pool as clear_network_pool
else:

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__():
    return sorted({*globals(), *__all__})
