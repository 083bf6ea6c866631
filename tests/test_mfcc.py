import math
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skgenre.mfcc import compute_mfcc, count_frames

DATA = Path(__file__).parents[2] / "shared" / "data"
TOLERANCE_DB = 1e-3
GTZAN = {
    "sample_rate": 22050,
    "n_mfcc": 13,
    "n_fft": 2048,
    "hop_length": 512,
    "n_mels": 128,
    "fmin": 0.0,
    "fmax": None,
}

# librosa warns, rightly, of signals shorter than a frame and of empty filters.
pytestmark = [
    pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning"),
    pytest.mark.filterwarnings("ignore:Empty filters:UserWarning"),
]


def make_noise(n_samples=22050, seed=0):
    rng = np.random.default_rng(seed)
    return (0.3 * rng.standard_normal(n_samples)).astype(np.float32)


def make_tone(frequency, n_samples=22050, sample_rate=22050):
    phase = 2 * np.pi * frequency / sample_rate * np.arange(n_samples)
    return np.sin(phase).astype(np.float32)


def assert_equals_librosa(signal, **changes):
    parameters = GTZAN | changes
    actual = compute_mfcc(signal, **parameters)
    parameters["sr"] = parameters.pop("sample_rate")
    expected = librosa.feature.mfcc(y=signal, **parameters).T
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    assert_allclose(actual, expected, rtol=0, atol=TOLERANCE_DB)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sample_rate": 8000},
        {"sample_rate": 44100, "n_fft": 4096, "hop_length": 1024},
        {"n_fft": 512, "hop_length": 160},
        {"n_fft": 1000, "hop_length": 333},
        {"n_fft": 2047},
        {"n_fft": 777, "hop_length": 225},
        {"n_fft": 256, "hop_length": 700},
        {"n_fft": 65536},
        {"hop_length": 30000},
        {"hop_length": 100},
        {"n_mels": 1, "n_mfcc": 1},
        {"n_mels": 13},
        {"n_mels": 20, "n_mfcc": 20},
        {"n_mels": 40, "n_mfcc": 40},
        {"n_mels": 129, "n_mfcc": 1},
        {"n_mels": 512, "n_fft": 512},
        {"fmin": 300.0, "fmax": 4000.0},
        {"fmin": 10000.0},
        {"fmax": 60.0},
        {"fmax": 12000.0},
    ],
    ids=str,
)
def test_every_parameter_gives_the_numbers_of_librosa(changes):
    assert_equals_librosa(make_noise(), **changes)


@pytest.mark.parametrize("n_samples", [1, 2, 1023, 2048, 5119, 5120, 66150, 198450])
@pytest.mark.parametrize("n_fft", [2047, 2048])
def test_every_length_gives_the_numbers_of_librosa(n_samples, n_fft):
    assert_equals_librosa(make_noise(n_samples), n_fft=n_fft)


EXTREMES = {
    "silence": np.zeros(22050, np.float32),
    "constant": np.full(22050, 0.5, np.float32),
    "impulse": np.eye(1, 22050, 9000, dtype=np.float32)[0],
    "square": np.sign(make_tone(100.0)),
    "clipped": np.clip(20 * make_noise(), -1, 1),
    "tone": make_tone(440.0),
    "quiet": 1e-4 * make_noise(),
    "quieter": 1e-7 * make_noise(),
    "faintest": 1e-12 * make_noise(),
    "integers": 32768 * make_noise(),
    "gated": make_noise() * (np.arange(22050) > 15000),
    "fading": make_noise() * np.geomspace(1, 1e-8, 22050, dtype=np.float32),
}


@pytest.mark.parametrize("signal", EXTREMES.values(), ids=EXTREMES.keys())
def test_extreme_signals_give_the_numbers_of_librosa(signal):
    assert_equals_librosa(signal)
    assert_equals_librosa(signal, n_mels=40, n_mfcc=40, fmin=500.0)


def test_many_filters_give_the_numbers_of_librosa():
    # Sums of 1024 levels, many of them 80 dB: too much for float32.
    assert_equals_librosa(EXTREMES["gated"], n_mels=1024, n_fft=8192)


@pytest.mark.parametrize("loud", [make_tone(50.0), np.ones(22050, np.float32)])
@pytest.mark.parametrize("level", [1e-4, 1e-6])
def test_faint_sound_beside_a_loud_hum_gives_the_numbers_of_librosa(loud, level):
    # A float32 transform drowns such sound in its own rounding noise.
    assert_equals_librosa(loud + level * make_noise(), fmin=1000.0)


SOUNDS = {
    "noise": lambda rng, time, f: rng.standard_normal(len(time)),
    "tone": lambda rng, time, f: np.sin(2 * np.pi * f * time),
    "square": lambda rng, time, f: np.sign(np.sin(2 * np.pi * f * time)),
    "constant": lambda rng, time, f: np.ones(len(time)),
    "drift": lambda rng, time, f: np.cumsum(rng.standard_normal(len(time))) / 100,
    "impulse": lambda rng, time, f: time == rng.choice(time),
    "burst": lambda rng, time, f: rng.standard_normal(len(time)) * (time > time.mean()),
}


@st.composite
def mixtures(draw):
    """Sums of sounds whose levels are up to 140 dB apart, and what to analyse with."""
    sample_rate = draw(st.sampled_from([8000, 11025, 16000, 22050, 44100]))
    n_fft = draw(st.sampled_from([64, 400, 512, 1023, 1024, 2048, 4096]))
    n_mels = draw(st.sampled_from([1, 13, 20, 40, 64, 128, 256]))
    parameters = {
        "sample_rate": sample_rate,
        "n_fft": n_fft,
        "hop_length": draw(st.integers(n_fft // 8, 2 * n_fft)),
        "n_mels": n_mels,
        "n_mfcc": draw(st.integers(1, min(n_mels, 40))),
        "fmin": draw(st.sampled_from([0.0, 20.0, 300.0, 0.25 * sample_rate])),
        "fmax": draw(st.sampled_from([None, 0.4 * sample_rate])),
    }
    time = np.arange(draw(st.integers(1, 2 * sample_rate))) / sample_rate
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    signal = np.zeros(len(time))
    for name in draw(st.lists(st.sampled_from(sorted(SOUNDS)), max_size=3)):
        level = 10 ** draw(st.floats(-7, 0))
        frequency = draw(st.floats(1, sample_rate / 2))
        signal += level * SOUNDS[name](rng, time, frequency)
    if draw(st.booleans()):
        signal = signal.clip(-1, 1)
    return signal.astype(np.float32), parameters


@settings(max_examples=800, deadline=None, derandomize=True)
@given(mixtures())
def test_no_mixture_is_found_that_differs_from_librosa(mixture):
    signal, parameters = mixture
    assert_equals_librosa(signal, **parameters)


@pytest.mark.parametrize("fold", range(4))
def test_real_music_gives_the_numbers_of_librosa(fold):
    paths = sorted(DATA.glob("gtzan_mini/genres/*/*.wav"))[3 * fold :: 13]
    if not paths:
        pytest.skip(f"no recordings in {DATA}")
    for path in paths:
        signal, sample_rate = soundfile.read(path, dtype="float32")
        for segment in signal[: 10 * 66150].reshape(-1, 66150)[::5]:
            assert_equals_librosa(segment, sample_rate=sample_rate)
        assert_equals_librosa(signal, sample_rate=sample_rate)


def test_silence_is_minus_100_decibels_in_every_filter():
    actual = compute_mfcc(np.zeros(66150, np.float32), **GTZAN)
    expected = np.zeros((130, 13))
    expected[:, 0] = -100 * math.sqrt(128)
    assert_allclose(actual, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 66150, 661500])
@pytest.mark.parametrize("n_fft", [255, 256, 2047, 2048])
def test_frames_are_counted_as_librosa_does(n_samples, n_fft):
    frames = librosa.stft(np.zeros(n_samples), n_fft=n_fft, hop_length=512)
    assert count_frames(n_samples, n_fft=n_fft, hop_length=512) == frames.shape[1]


def make_segments():
    """Loud, faint and silent segments of two lengths, none like another."""
    levels = [1.0, 1e-5, 0.1, 0.0, 1e-3, 0.5]
    lengths = [66150, 22050] * 3
    return [
        np.float32(level) * make_noise(n, seed)
        for seed, (level, n) in enumerate(zip(levels, lengths, strict=True))
    ]


def test_a_segment_gives_the_same_bits_in_any_order():
    segments = make_segments()
    forth = [compute_mfcc(s, **GTZAN) for s in segments]
    back = [compute_mfcc(s, **GTZAN) for s in reversed(segments)]
    for one, other in zip(forth, reversed(back), strict=True):
        assert_array_equal(one, other)


def test_threads_give_the_same_bits_as_one_after_another():
    segments = make_segments() * 10
    # No other test has these parameters: the threads are the first to use them.
    parameters = GTZAN | {"fmin": 12.5}
    with ThreadPoolExecutor(4) as pool:
        actual = list(pool.map(lambda s: compute_mfcc(s, **parameters), segments))
    expected = [compute_mfcc(s, **parameters) for s in segments]
    for one, other in zip(actual, expected, strict=True):
        assert_array_equal(one, other)


def test_results_outlive_the_next_call():
    first = compute_mfcc(make_noise(seed=1), **GTZAN)
    kept = first.copy()
    compute_mfcc(make_noise(seed=2), **GTZAN)
    assert_array_equal(first, kept)


@pytest.mark.parametrize("fmin", [0.0, 1000.0])
def test_the_signal_is_not_written_to(fmin):
    # With this fmin the second pass, in float64, is needed too.
    signal = 1e-6 * make_noise() + 1
    signal.setflags(write=False)
    before = signal.copy()
    compute_mfcc(signal, **GTZAN | {"fmin": fmin})
    assert_array_equal(signal, before)


def test_strided_signals_give_the_numbers_of_their_copy():
    stereo = make_noise(44100).reshape(-1, 2)
    expected = compute_mfcc(stereo[:, 0].copy(), **GTZAN)
    assert_array_equal(compute_mfcc(stereo[:, 0], **GTZAN), expected)


def test_empty_filters_are_warned_of_once():
    # No other test has these parameters, which would have warned already.
    parameters = GTZAN | {"n_fft": 256, "fmin": 12.5}
    with pytest.warns(UserWarning, match="Empty filters"):
        compute_mfcc(make_noise(), **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compute_mfcc(make_noise(), **parameters)


def test_importing_the_kernel_does_not_load_librosa():
    code = "import sys, skgenre.mfcc; assert 'librosa' not in sys.modules"
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
