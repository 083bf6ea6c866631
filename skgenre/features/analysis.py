"""The features of one file, computed or kept."""

import numpy as np

from skgenre._io import describe_os_error
from skgenre.audio import AudioDecodeError, load_audio, stream_audio
from skgenre.mfcc import compute_mfcc, count_frames
from skgenre.segments import count_segment_samples, split_segments

# Part of the key of stored features: raise it when decoding or the kernel changes them.
ANALYSIS_VERSION = 2


def analyse_track(path, parameters, store):
    """Features of one file, or why there are none, and why they were not kept.

    Failures are returned, not raised, so that one bad file does not cost the others.
    """
    try:
        entry_path = None if store is None else store.entry_path(path)
    except OSError:
        # The decoder says what is wrong with the path better than stat does.
        entry_path = None
    if entry_path is not None:
        kept = store.load(entry_path)
        if kept is not None:
            return kept, None, None
    try:
        features = extract_track(path, **parameters)
    except AudioDecodeError as error:
        return None, error.reasons[0], None
    if entry_path is None:
        return features, None, None
    try:
        if store.entry_path(path) != entry_path:
            return None, "changed while it was read", None
        store.save(entry_path, features)
    except OSError as error:
        return features, None, f"{store.directory}: {describe_os_error(error)}"
    return features, None, None


def extract_track(
    path, *, sample_rate, segment_duration, n_segments, **mfcc_parameters
):
    """MFCCs of one file's present segments: (n_present_segments, n_frames, n_mfcc)."""
    n_segment_samples = count_segment_samples(segment_duration, sample_rate)
    n_fft, hop_length = mfcc_parameters["n_fft"], mfcc_parameters["hop_length"]
    n_frames = count_frames(n_segment_samples, n_fft=n_fft, hop_length=hop_length)
    # Centred, a window of odd length reaches one sample less far.
    n_required_samples = (n_frames - 1) * hop_length + n_fft % 2
    duration = None
    if n_segments is not None:
        duration = n_segments * n_segment_samples / sample_rate
    blocks = stream_audio(path, sample_rate=sample_rate, duration=duration)
    segments = split_segments(
        blocks,
        n_segment_samples=n_segment_samples,
        n_required_samples=n_required_samples,
    )
    features = [
        compute_mfcc(segment, sample_rate=sample_rate, **mfcc_parameters)
        for segment in segments
    ]
    if not features:
        n_samples = len(load_audio(path, sample_rate=sample_rate, duration=duration))
        reason = (
            f"too short: {n_samples / sample_rate:.2f} s ({n_samples} samples at "
            f"{sample_rate} Hz), expected at least one segment of "
            f"{segment_duration:g} s ({n_required_samples} samples)"
        )
        raise AudioDecodeError([(path, reason)])
    return np.stack(features)
