import json
import os
import re
import subprocess
import sys
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr

from skgenre.audio.source import open_source
from skgenre.audit import FAULTS, AuditReport, Finding, audit_tracks
from skgenre.audit.replicas import (
    FRAMES_PER_SECOND,
    compute_fingerprint,
    find_near_replicas,
)

SAMPLE_RATE = 22050
N_PLANTED = 15  # of the 50 of benchmarks/bench_audit.py
SHIFT = round(7.3 * SAMPLE_RATE)
GAIN = 10 ** (-6 / 20)  # -6 dB


@pytest.fixture
def write_signal(tmp_path):
    """Write samples; return the path as text."""

    def write(name, signal, sample_rate=SAMPLE_RATE, **options):
        soundfile.write(tmp_path / name, signal, sample_rate, **options)
        return str(tmp_path / name)

    return write


def make_music(seed=0, duration=8.0, sample_rate=SAMPLE_RATE):
    """Noise whose bands come and go: as rich as music, and never the same twice."""
    rng = np.random.default_rng(seed)
    n_samples = round(duration * sample_rate)
    noise = rng.normal(size=n_samples)
    envelope = np.interp(
        np.arange(n_samples),
        np.arange(0, n_samples + 2000, 2000),
        rng.uniform(0.02, 0.1, size=len(range(0, n_samples + 2000, 2000))),
    )
    return (noise * envelope).astype(np.float32)


def found(report):
    return [(finding.fault, finding.tracks) for finding in report.findings]


def test_clean_tracks_have_no_findings(write_tone, write_signal):
    tones = [str(write_tone(f"{f}.wav", frequency=f)) for f in (220.0, 440.0, 441.0)]
    music = [write_signal(f"music{seed}.wav", make_music(seed, 1.0)) for seed in (0, 1)]
    report = audit_tracks([*tones, *music])
    assert report.findings == report.replicas == []
    assert report.ok
    assert report.exit_code == 0


def test_invented_tracks_are_clean(made_tracks):
    report = audit_tracks(made_tracks.paths, made_tracks.target, made_tracks.groups)
    assert report.ok, str(report)


def test_unreadable_file_is_reported_with_its_reason(write_tone, tmp_path):
    bad = tmp_path / "text.wav"
    bad.write_text("no sound")
    report = audit_tracks([write_tone(), bad, tmp_path / "missing.wav", tmp_path])
    assert found(report) == [("unreadable", (track,)) for track in (1, 2, 3)]
    assert "expected" in report.findings[0].detail
    assert "No such file" in report.findings[1].detail
    assert "text.wav" in str(report)
    assert report.exit_code == 1


def test_a_path_given_twice_is_two_tracks(tones, tmp_path):
    missing = tmp_path / "missing.wav"
    report = audit_tracks([missing, tones[0], missing, tones[0]])
    expected = [("unreadable", (0,)), ("unreadable", (2,)), ("exact-replica", (1, 3))]
    assert found(report) == expected


def test_too_many_open_files_are_no_fault_of_the_tracks(made_tracks, no_more_files):
    paths = made_tracks.paths[:2]
    audit_tracks(paths)  # imports what it needs
    no_more_files()
    with pytest.raises(OSError, match="Too many open files: close") as caught:
        audit_tracks(paths)
    assert caught.value.filename == paths[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_does_not_hang_the_audit(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    report = audit_tracks([tmp_path / "pipe.wav"])
    assert found(report) == [("unreadable", (0,))]


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silent_track_is_found(write_signal, level):
    noise = level * np.random.default_rng(0).normal(size=SAMPLE_RATE)
    report = audit_tracks([write_signal("silent.wav", noise)])
    assert found(report) == [("silent", (0,))]


def test_track_that_is_mostly_silent_is_found(write_signal):
    signal = make_music(duration=3.0)
    signal[SAMPLE_RATE:] = 0
    report = audit_tracks([write_signal("a.wav", signal)])
    assert found(report) == [("silent", (0,))]
    assert "(at most 50%)" in report.findings[0].detail


@pytest.mark.usefixtures("incomplete_audio")
def test_incomplete_file_is_a_finding_and_no_warning(write_tone):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = audit_tracks([write_tone()])
    assert report.findings == [Finding("incomplete", (0,), "ends early")]


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "aiff", "w64"])
def test_half_a_download_says_what_its_header_promises(write_signal, extension):
    path = write_signal(f"a.{extension}", make_music(duration=4.0))
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)
    (finding,) = audit_tracks([path]).findings
    assert finding.fault == "incomplete"
    assert re.search(r"of the 4\.\d\d s that", finding.detail), finding.detail


def test_incomplete_file_of_silence_has_both_findings(write_signal, incomplete_audio):
    quiet = 1e-4 * np.random.default_rng(0).normal(size=SAMPLE_RATE)
    report = audit_tracks([write_signal("quiet.wav", quiet)])
    assert found(report) == [("incomplete", (0,)), ("silent", (0,))]


def test_file_is_opened_once(write_tone, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "skgenre.audio.decoder.open_source",
        lambda path: opened.append(path) or open_source(path),
    )
    path = str(write_tone())
    assert audit_tracks([path]).ok
    assert opened == [path]


def invert(signal, gain=1.0):
    """A channel and the same one inverted."""
    return np.stack([signal, -gain * signal], axis=1)


@pytest.mark.parametrize(
    ("extension", "options"),
    [
        ("wav", {"subtype": "FLOAT"}),  # nothing is left: no file to the extractor
        ("wav", {"subtype": "PCM_16"}),
        ("mp3", {}),
        ("mp3", {"bitrate_mode": "CONSTANT", "compression_level": 0.8}),
    ],
)
def test_opposite_channels_are_out_of_phase(write_signal, extension, options):
    dither = np.random.default_rng(1).uniform(-1, 1, (8 * SAMPLE_RATE, 2)) / 2**15
    stereo = invert(make_music()) + dither * (options.get("subtype") != "FLOAT")
    report = audit_tracks([write_signal(f"a.{extension}", stereo, **options)])
    assert found(report) == [("out-of-phase", (0,))]
    assert report.findings[0].detail.endswith("channel='left'")


def test_partly_opposite_channels_are_found_from_half_of_the_track(write_signal):
    paths = []
    for seed, share in enumerate((0.4, 0.6)):
        stereo = np.stack([make_music(seed)] * 2, axis=1)
        stereo[: round(share * len(stereo)), 1] *= -0.95
        paths.append(write_signal(f"{share}.wav", stereo))
    (finding,) = audit_tracks(paths).findings
    assert (finding.fault, finding.tracks) == ("out-of-phase", (1,))
    assert "in 60% of the sound" in finding.detail


def test_wide_stereo_is_in_phase(write_signal):
    first, second = make_music(0), make_music(1)
    late = np.roll(first, round(0.015 * SAMPLE_RATE))
    channels = [
        (first, second),
        (first + second, first - second),  # as much difference as sum
        (first, -late),
        (first, 0 * first),
        [first, *[0 * first] * 31],
    ]
    for number, signals in enumerate(channels):
        path = write_signal(f"{number}.wav", 0.5 * np.stack(signals, axis=1))
        assert "out-of-phase" not in audit_tracks([path]).count_findings()


def test_audit_of_one_channel_finds_its_faults_alone(write_signal):
    music = make_music()
    path = write_signal("a.wav", invert(music + 0.05))
    assert found(audit_tracks([path])) == [("out-of-phase", (0,))]
    expected = audit_tracks([write_signal("left.wav", music + 0.05)])
    report = audit_tracks([path], channel="left")
    assert [f.detail for f in report.findings] == [f.detail for f in expected.findings]
    assert report.findings[0].fault == "dc-offset"


def test_file_without_the_channel_is_unreadable(write_tone):
    (finding,) = audit_tracks([write_tone()], channel=1).findings
    assert finding.fault == "unreadable"
    assert "at least 2 for channel=1" in finding.detail


def test_clipped_track_is_found(write_signal):
    tone = np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    paths = [write_signal("full.wav", tone), write_signal("over.wav", 1.5 * tone)]
    report = audit_tracks(paths)
    assert found(report) == [("clipped", (1,))]
    # The sine is beyond two thirds of its peak for 1 - 2 asin(2/3) / pi of the time.
    assert "53." in report.findings[0].detail


def test_samples_at_full_scale_count_only_in_runs_of_three(write_signal):
    signal = make_music(duration=1.0)
    for position, peak in ((0, 1), (1, 1), (100, -1), (101, -1)):
        signal[position::200] = peak
    paths = [write_signal("pairs.wav", signal)]
    signal[2::200], signal[102::200] = 1, -1
    paths.append(write_signal("triples.wav", signal))
    assert found(audit_tracks(paths)) == [("clipped", (1,))]


def test_dc_offset_is_found_with_its_value(write_signal):
    signal = make_music(duration=1.0)
    signal -= signal.mean()
    paths = [
        write_signal("low.wav", signal + 0.005),
        write_signal("high.wav", signal - 0.05),
    ]
    report = audit_tracks(paths)
    assert found(report) == [("dc-offset", (1,))]
    assert "mean of -0.050" in report.findings[0].detail


@pytest.mark.parametrize(("sample_rate", "cutoff"), [(44100, 16000), (44100, 11000)])
def test_lossy_band_limit_is_found_at_its_frequency(write_signal, sample_rate, cutoff):
    music = make_music(duration=2.0, sample_rate=sample_rate)
    narrow = soxr.resample(music, sample_rate, 2 * cutoff)
    limited = soxr.resample(narrow, 2 * cutoff, sample_rate)
    paths = [
        write_signal("full.wav", music, sample_rate),
        write_signal("limited.wav", limited, sample_rate),
    ]
    report = audit_tracks(paths)
    assert ("band-limited", (1,)) in found(report)
    assert ("band-limited", (0,)) not in found(report)
    kilohertz = float(report.findings[0].detail.split(" above ")[1].split(" kHz")[0])
    assert kilohertz == pytest.approx(cutoff / 1000, rel=0.1)


def test_dull_track_is_not_taken_for_band_limited(write_signal):
    # 6 dB per octave from 100 Hz on, as of an old microphone.
    dull = np.cumsum(make_music(duration=4.0))
    dull -= np.convolve(dull, np.ones(301) / 301, mode="same")
    report = audit_tracks([write_signal("dull.wav", 0.5 * dull / abs(dull).max())])
    assert report.ok, str(report)


def test_short_track_is_found_against_the_median(write_tone):
    durations = [4.0, 4.0, 4.0, 1.5]
    paths = [
        write_tone(f"{i}.wav", duration=duration, frequency=200.0 * (i + 1))
        for i, duration in enumerate(durations)
    ]
    report = audit_tracks(paths)
    assert found(report) == [("short", (3,))]
    assert "1.50 s (at least 2.00 s" in report.findings[0].detail


def test_track_under_a_second_is_short_in_any_collection(write_tone):
    report = audit_tracks([write_tone(duration=0.9)])
    assert found(report) == [("short", (0,))]


def test_odd_sample_rate_and_channels_are_found(write_tone):
    paths = [write_tone(f"{i}.wav", frequency=200.0 * (i + 1)) for i in range(3)]
    paths.append(write_tone("rate.wav", frequency=1000.0, sample_rate=44100))
    paths.append(write_tone("stereo.wav", frequency=1200.0, n_channels=2))
    report = audit_tracks(paths)
    assert found(report) == [("sample-rate", (3,)), ("channels", (4,))]
    assert "44100 Hz (4 of 5 tracks have 22050 Hz)" in report.findings[0].detail


def test_same_samples_in_other_containers_are_exact_replicas(write_signal):
    music = np.round(make_music(duration=2.0) * 2**15).astype(np.int16)
    paths = [
        write_signal("a.wav", music),
        write_signal("b.flac", music),
        write_signal("other.wav", music[::-1]),
        write_signal("stereo.wav", np.stack([music, music], axis=1)),
    ]
    report = audit_tracks(paths)
    assert ("exact-replica", (0, 1, 3)) in found(report)
    assert report.replicas == [(0, 1), (0, 3)]


@pytest.mark.parametrize(
    ("start", "gain", "extension"),
    [(0, 1.0, "mp3"), (0, 1.0, "ogg"), (30011, 1.0, "wav"), (30011, GAIN, "ogg")],
)
def test_near_replica_is_found(write_signal, start, gain, extension):
    music = make_music()
    copy = write_signal(f"copy.{extension}", gain * music[start:])
    report = audit_tracks([write_signal("a.wav", music), copy])
    assert ("near-replica", (0, 1)) in found(report)
    offset = float(report.findings[-1].detail.split(" at ")[1].split(" s")[0])
    assert offset == pytest.approx(start / SAMPLE_RATE, abs=0.1)


def test_near_replica_is_found_at_another_sample_rate(write_signal):
    music = make_music()
    resampled = soxr.resample(music[12345:], SAMPLE_RATE, 48000)
    copy = write_signal("copy.wav", np.stack([resampled] * 2, axis=1), 48000)
    assert audit_tracks([write_signal("a.wav", music), copy]).replicas == [(0, 1)]


def test_tracks_of_any_rate_and_length_are_surveyed(write_signal):
    paths = [
        write_signal(f"{sample_rate}.{n_samples}.wav", signal, sample_rate)
        for sample_rate in (1000, 3000, 4000, 384000)
        for n_samples in (1, 2, 1000)
        for signal in [make_music(duration=1000, sample_rate=1)[:n_samples]]
    ]
    report = audit_tracks(paths)
    assert {"unreadable", "near-replica"}.isdisjoint(report.count_findings())


def test_drones_of_one_pitch_are_no_replicas(write_signal):
    time = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    paths = [
        write_signal(f"{i}.wav", 0.3 * np.sin(880 * np.pi * time + i) * np.exp(-time))
        for i in range(3)
    ]
    assert audit_tracks(paths).replicas == []


def test_bits_that_never_change_say_nothing():
    bits = np.random.default_rng(0).integers(2**32, size=(2, 600), dtype=np.uint32)
    assert find_near_replicas([bits[0], bits[0]])
    # Two independent drones: of 32 bits 28 are the same all along, 4 are chance, so
    # that 6 % of all bits differ. One click in both proposes to compare them.
    drones = bits & np.uint32(0xF) | np.uint32(0x5A5A5A50)
    drones[:, 300] = bits[0, 300]
    assert find_near_replicas(list(drones)) == []


def test_more_replicas_than_neighbours_are_linked_by_chains():
    track = compute_fingerprint(make_music(duration=12.0), sample_rate=SAMPLE_RATE)
    pairs = find_near_replicas([track[i:] for i in range(30)])
    linked = {0}
    for _ in range(30):
        linked |= {i for p in pairs for i in p[:2] if linked & set(p[:2])}
    assert linked == set(range(30))


def test_fingerprint_has_a_fixed_rate_whatever_the_rate_of_the_file():
    for sample_rate in (8000, 22050, 96000):
        music = make_music(duration=10.0, sample_rate=sample_rate)
        fingerprint = compute_fingerprint(music, sample_rate=sample_rate)
        assert len(fingerprint) == pytest.approx(10 * FRAMES_PER_SECOND, abs=13)


def plant(path, folder):
    """Replicas of a real track: paths."""
    signal, sample_rate = soundfile.read(path, dtype="float32")
    shifted = GAIN * signal[SHIFT:]
    for name, samples in (
        ("a.mp3", signal),
        ("b.ogg", signal),
        ("c.flac", signal),
        ("d.wav", signal[SHIFT:]),
        ("e.wav", GAIN * signal),
        ("f.mp3", shifted),
        ("g.ogg", shifted),
    ):
        soundfile.write(folder / f"{path.stem}.{name}", samples, sample_rate)
        yield str(folder / f"{path.stem}.{name}")


def test_planted_replicas_of_real_tracks_are_found(real_tracks, tmp_path):
    originals = sorted(real_tracks.rglob("*.wav"))
    sources = originals[:: len(originals) // N_PLANTED]
    planted = {copy: str(path) for path in sources for copy in plant(path, tmp_path)}
    paths = [*map(str, originals), *planted]
    report = audit_tracks(paths, n_jobs=2)
    pairs = {(paths[i], paths[j]) for i, j in report.replicas}
    recall = np.mean([(path, copy) in pairs for copy, path in planted.items()])
    assert recall >= 0.95
    # No track of this folder is a replica of another, so every pair is a planted one.
    assert all(planted.get(a, a) == planted.get(b, b) for a, b in pairs)


def test_real_tracks_with_one_channel_inverted_are_all_found(real_tracks, tmp_path):
    sources = sorted(real_tracks.rglob("*.wav"))[::10]
    for number, source in enumerate(sources):
        signal, sample_rate = soundfile.read(source)
        for extension in ("wav", "mp3"):
            path = tmp_path / f"{number}.{extension}"
            soundfile.write(path, invert(signal), sample_rate)
    report = audit_tracks(sorted(tmp_path.iterdir()))
    assert report.count_findings()["out-of-phase"] == 2 * len(sources)


def test_replicas_of_two_genres_are_two_labels(write_signal):
    music = make_music()
    paths = [
        write_signal("a.wav", music),
        write_signal("b.flac", music),
        write_signal("c.wav", music[20000:]),
    ]
    report = audit_tracks(paths, ["rock", "rock", "metal"])
    assert ("two-labels", (0, 1, 2)) in found(report)
    assert "metal, rock" in str(report)
    assert "two-labels" not in dict(found(audit_tracks(paths, ["rock"] * 3)))


def test_each_recording_of_two_genres_is_a_finding_of_its_own(write_signal):
    signals = [make_music(seed=0), make_music(seed=1)]
    paths = [
        write_signal(f"{name}.wav", signal)
        for name, signal in zip("abcd", signals * 2, strict=True)
    ]
    report = audit_tracks(paths, ["rock", "rock", "metal", "metal"])
    two_labels = [tracks for fault, tracks in found(report) if fault == "two-labels"]
    assert two_labels == [(0, 2), (1, 3)]


@pytest.fixture
def tones(write_tone):
    """Paths of twelve tones without a fault."""
    return [write_tone(f"{i}.wav", frequency=200.0 + 50 * i) for i in range(12)]


def test_genre_of_one_artist_is_confounded(tones):
    target = ["blues"] * 6 + ["rock"] * 6
    groups = ["Hooker"] * 4 + ["track:x", None] + list("abcdef")
    report = audit_tracks(tones, target, groups)
    assert found(report) == [("confounded-artist", ())]
    assert "genre blues: 4 of 4" in report.findings[0].detail
    groups[3] = "Johnson"  # three of four known tracks are less than 90 %
    assert audit_tracks(tones, target, groups).ok


def test_missing_artists_are_nobody(tones):
    for missing in (None, np.nan, pd.NA, "", " "):
        groups = ["Hooker", missing, missing, missing, *"abcdefgh"]
        assert audit_tracks(tones, ["blues"] * 4 + ["rock"] * 8, groups).ok


def test_imbalance_is_found_beyond_three_to_one(tones):
    assert audit_tracks(tones, ["rock"] * 9 + ["jazz"] * 3).ok
    report = audit_tracks(tones, ["rock"] * 10 + ["jazz"] * 2)
    assert found(report) == [("imbalanced", ())]
    assert "5.0 times" in report.findings[0].detail


def test_json_says_what_the_report_says(tones, tmp_path):
    report = audit_tracks([*tones[:2], tmp_path / "missing\udcff.wav"])
    content = json.loads(report.to_json())
    assert content == report.to_dict()
    assert content["version"] == 1
    assert content["exit_code"] == report.exit_code == 1
    (finding,) = content["findings"]
    assert finding["tracks"] == [2]
    assert finding["paths"] == [report.paths[2]]


def test_frame_has_one_row_per_finding(tones, tmp_path):
    report = audit_tracks([*tones[:2], tones[0], tmp_path / "missing.wav"])
    frame = report.to_frame()
    assert frame["fault"].tolist() == ["unreadable", "exact-replica"]
    assert frame["paths"][1] == (str(tones[0]), str(tones[0]))
    clean = AuditReport(paths=["a.wav"], findings=[], replicas=[])
    assert list(clean.to_frame()) == list(frame)


def test_text_fits_a_hundred_columns():
    paths = ["/".join(["a long folder"] * 20) + f"/{i}\n.wav" for i in range(40)]
    findings = [
        Finding("near-replica", pair, "word " * 60)
        for pair in combinations(range(40), 2)
    ]
    paths = ["other/b.wav", *paths]
    text = str(AuditReport(paths=paths, findings=findings, replicas=[]))
    assert max(map(len, text.splitlines())) <= 100
    assert f"near-replica: {len(findings)}" in text
    assert f"... and {len(findings) - 20} more" in text


def test_report_shows_itself_as_it_is_printed():
    report = AuditReport(
        paths=["a.wav"] * 500,
        findings=[Finding("silent", (0,), "no sound")],
        replicas=[],
    )
    assert repr(report) == str(report)
    assert len(repr(report)) < 100


def test_report_is_the_same_whatever_the_number_of_threads(write_signal, tmp_path):
    music = make_music()
    paths = [
        write_signal("a.wav", music),
        write_signal("b.ogg", music),
        write_signal("c.wav", music + 0.1),
        tmp_path / "missing.wav",
    ]
    assert audit_tracks(paths, n_jobs=3) == audit_tracks(paths)


def test_series_and_arrays_are_taken(tones):
    target, groups = ["rock", "jazz"], ["a", "b"]
    expected = audit_tracks(tones[:2], target, groups)
    given = audit_tracks(pd.Series(tones[:2]), pd.Series(target), np.array(groups))
    assert given == expected


def test_labels_of_another_length_are_refused(tones):
    with pytest.raises(ValueError, match=r"target must have shape .*\(12,\), got"):
        audit_tracks(tones, ["rock"] * 11)
    with pytest.raises(ValueError, match=r"groups must have shape .*\(12,\), got"):
        audit_tracks(tones, ["rock"] * 12, ["a"] * 13)
    with pytest.raises(TypeError, match="target must be None or one label per track"):
        audit_tracks(tones, "rock")


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, ""])
def test_missing_genre_is_refused(missing, tones):
    with pytest.raises(ValueError, match=r"genre for each track, got .* for track 1"):
        audit_tracks(tones[:2], ["rock", missing])


def test_arguments_out_of_range_are_refused(tones):
    with pytest.raises(ValueError, match="n_jobs must be None or a non-zero integer"):
        audit_tracks(tones, n_jobs=0)
    with pytest.raises(ValueError, match="verbose must be a non-negative integer"):
        audit_tracks(tones, verbose=-1)
    with pytest.raises(ValueError, match="channel must be 'mean', 'left'"):
        audit_tracks(tones, channel="middle")
    with pytest.raises(ValueError, match="at least one track"):
        audit_tracks([])


def test_every_fault_is_documented_once_and_in_order(tones, tmp_path):
    assert len(set(FAULTS)) == len(FAULTS)
    paths = [tones[0], tones[0], tmp_path / "missing.wav", tones[1]]
    report = audit_tracks(paths, ["a", "b", "b", "b"], ["x", "y", "y", "y"])
    order = [FAULTS.index(fault) for fault, _ in found(report)]
    assert order == sorted(order)
    assert list(report.count_findings()) == [FAULTS[i] for i in dict.fromkeys(order)]


def test_import_loads_neither_librosa_nor_tensorflow():
    code = "import sys, skgenre.audit; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"librosa", "tensorflow", "keras", "matplotlib"} & set(loaded)
