"""Synthesise an invented track: its score, its instruments, its production."""

from typing import NamedTuple

import numpy as np

# As many as the usual 13 coefficients without the first, the loudness. With half as
# many bands, a few tracks show a classifier all the colours there are: segments and
# tracks then score alike.
N_EQUALISER_BANDS = 12
_ARTIST_EQUALISER_DECIBELS = 11.0
_TRACK_EQUALISER_DECIBELS = 12.0
_NOISE_FLOOR = 1e-3  # -60 dB: without it, empty bands would be an exact zero
_N_BARS_PER_SECTION = 2
_LATEST_ONSET_SECONDS = 0.008
# How likely a part is to play in a section. The bass always does: no silent segments.
_PRESENCE = {"drum": 0.85, "bass": 1.0, "chord": 0.8, "lead": 0.6}
_LOUDNESS = {"X": 1.0, "x": 0.6}
_NATURALS = "C D EF G A B"  # a semitone each
_INTERVALS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
}
_TABLE_LENGTH = 4096
_HIGHEST_PARTIAL_HERTZ = 12_000.0
_LONGEST_NOTE_SECONDS = 0.8


class Part(NamedTuple):
    """Pattern of one player of a genre; artists choose among the instruments.

    The pattern is one bar, four steps to the beat: ``X`` loud, ``x`` soft, ``.`` rest.
    """

    role: str
    pattern: str
    instruments: str
    level: float = 0.0


class Recipe(NamedTuple):
    """Properties of a genre; tempo in beats per minute, swing in steps."""

    tempo: tuple
    chords: str
    scale: tuple
    swing: float = 0.0


class Colour(NamedTuple):
    """Properties of an artist's tracks, whatever their genre."""

    equaliser: np.ndarray
    reverb_duration: float
    reverb_level: float
    room_seed: int
    peak: float
    tuning_cents: float
    chorus_cents: float
    drum_level: float
    tastes: dict


class _Timbre(NamedTuple):
    """Fall of the partials (decibels per octave), share of the even ones, seconds."""

    fall: float
    even: float
    decay: float
    attack: float = 0.005


class _Drum(NamedTuple):
    """Band of noise (hertz, octaves, seconds, level), falling tone (hertz, level)."""

    centre: float
    width: float
    decay: float
    noise: float
    pitch: float = 0.0
    tone: float = 0.0


_TIMBRES = {
    "bass": _Timbre(fall=9, even=0.8, decay=0.3),
    "brass": _Timbre(fall=4.5, even=1.0, decay=0.6, attack=0.03),
    "fuzz guitar": _Timbre(fall=3.5, even=1.0, decay=0.8),
    "guitar": _Timbre(fall=6.5, even=1.0, decay=0.3),
    "organ": _Timbre(fall=7, even=0.4, decay=2.0, attack=0.02),
    "piano": _Timbre(fall=8, even=0.9, decay=0.45),
    "reed": _Timbre(fall=5, even=0.3, decay=0.7, attack=0.02),
    "strings": _Timbre(fall=5.5, even=0.9, decay=1.5, attack=0.08),
    "synth": _Timbre(fall=4, even=0.6, decay=0.25),
    "synth bass": _Timbre(fall=6, even=0.5, decay=0.2),
}
_DRUMS = {
    "clap": _Drum(centre=1500, width=0.8, decay=0.08, noise=0.5),
    "hat": _Drum(centre=8000, width=0.6, decay=0.035, noise=0.25),
    "kick": _Drum(centre=100, width=1.5, decay=0.03, noise=0.2, pitch=55, tone=1.0),
    "open hat": _Drum(centre=7500, width=0.7, decay=0.2, noise=0.22),
    "shaker": _Drum(centre=6000, width=0.8, decay=0.05, noise=0.2),
    "snare": _Drum(centre=2500, width=1.5, decay=0.09, noise=0.5, pitch=190, tone=0.35),
}


def draw_colour(direction, generator):
    """Draw an artist's production; `direction` is the equaliser's unit vector."""
    return Colour(
        equaliser=_ARTIST_EQUALISER_DECIBELS * direction,
        reverb_duration=generator.uniform(0.1, 0.9),
        reverb_level=generator.uniform(0.05, 0.5),
        room_seed=generator.randint(2**31 - 1),
        peak=_amplitude(generator.uniform(-14, -1)),
        tuning_cents=generator.uniform(-40, 40),
        chorus_cents=generator.uniform(1, 14),
        drum_level=generator.uniform(-5, 5),
        tastes={role: generator.random_sample() for role in _PRESENCE},
    )


def synthesise(recipe, parts, colour, direction, generator, *, n_samples, sample_rate):
    """Make one song of a genre by an artist: float32 (n_samples,), peak below one.

    `direction` is the unit vector of the equaliser of the song's own mix.
    """
    score = _write_score(recipe, parts, colour, n_samples / sample_rate, generator)
    signal = _play(score, colour, generator, n_samples, sample_rate)
    signal /= max(np.abs(signal).max(), _NOISE_FLOOR)
    noise = generator.random_sample(n_samples).astype(np.float32)
    signal += np.float32(2 * _NOISE_FLOOR) * (noise - np.float32(0.5))
    equaliser = colour.equaliser + _TRACK_EQUALISER_DECIBELS * direction
    signal = _produce(signal, colour, equaliser, sample_rate)
    return signal * np.float32(colour.peak / np.abs(signal).max())


def _write_score(recipe, parts, colour, duration, generator):
    """Return (seconds, instrument, notes, amplitude) of every sound of a new song."""
    step_duration = 15 / generator.uniform(*recipe.tempo)
    key = generator.randint(12)
    chords = [_read_chord(name) for name in recipe.chords.split()]
    first_chord = generator.randint(len(chords))
    levels = {role: generator.uniform(-4, 4) for role in _PRESENCE}
    levels["drum"] += colour.drum_level
    n_steps = len(parts[0].pattern)
    score = []
    for bar in range(int(np.ceil(duration / (n_steps * step_duration)))):
        if bar % _N_BARS_PER_SECTION == 0:
            draws = dict(zip(_PRESENCE, generator.random_sample(4), strict=True))
        chord = chords[(bar + first_chord) % len(chords)]
        offers = _offer_notes(chord, recipe.scale, key)
        for part in parts:
            if draws[part.role] >= _PRESENCE[part.role]:
                continue
            names = part.instruments.split(", ")
            instrument = names[int(colour.tastes[part.role] * len(names))]
            amplitude = _amplitude(part.level + levels[part.role])
            for step, mark in enumerate(part.pattern):
                if mark not in _LOUDNESS:
                    continue
                # Swing delays the second half of each beat.
                delayed = step + recipe.swing * (step % 4 >= 2)
                seconds = (bar * n_steps + delayed) * step_duration
                seconds += generator.uniform(0, _LATEST_ONSET_SECONDS)
                notes = offers[part.role][generator.randint(len(offers[part.role]))]
                accent = generator.uniform(0.8, 1.2) / max(len(notes), 1)
                loudness = amplitude * (_LOUDNESS[mark] * accent)
                score.append((seconds, instrument, notes, loudness))
    return score


def _offer_notes(chord, scale, key):
    """Return the sets of notes (MIDI numbers) that each role may play over a chord."""

    def place(pitches, lowest):
        return tuple(sorted(lowest + (pitch + key) % 12 for pitch in pitches))

    return {
        "drum": [()],
        "bass": [place(chord[:1], 36)],
        "chord": [place(chord, 54)],
        "lead": [place([pitch], 66) for pitch in scale],
    }


def _read_chord(name):
    """Return pitches of a chord, in semitones above C: "Am" -> (9, 12, 16)."""
    is_flat = name[1:2] == "b"
    root = _NATURALS.index(name[0]) - is_flat
    return tuple(root + interval for interval in _INTERVALS[name[1 + is_flat :]])


def _play(score, colour, generator, n_samples, sample_rate):
    """Add up the sounds of a score; each different one is made once."""
    signal = np.zeros(n_samples, dtype=np.float32)
    sounds = {}
    for seconds, instrument, notes, amplitude in score:
        if (instrument, notes) not in sounds:
            if instrument in _DRUMS:
                sound = _make_hit(_DRUMS[instrument], generator, sample_rate)
            else:
                timbre = _TIMBRES[instrument]
                sound = sum(_make_tone(timbre, n, colour, sample_rate) for n in notes)
            sounds[instrument, notes] = sound
        start = int(seconds * sample_rate)
        sound = sounds[instrument, notes][: max(n_samples - start, 0)]
        signal[start : start + len(sound)] += np.float32(amplitude) * sound
    return signal


def _make_tone(timbre, note, colour, sample_rate):
    """Make one note of two detuned strings whose upper partials decay first."""
    n_samples = int(min(4 * timbre.decay, _LONGEST_NOTE_SECONDS) * sample_rate)
    seconds = np.arange(n_samples) / sample_rate
    frequency = 440 * 2 ** ((note - 69 + colour.tuning_cents / 100) / 12)
    highest = min(0.45 * sample_rate, _HIGHEST_PARTIAL_HERTZ)
    partials = np.arange(1, int(highest / frequency) + 1)
    spectrum = partials ** (-timbre.fall / 6.02)
    spectrum[1::2] *= timbre.even
    attack, sustain = _make_cycle(spectrum), _make_cycle(spectrum / partials)
    fade = np.exp(-seconds / timbre.decay).astype(np.float32)
    tone = np.zeros(len(seconds), dtype=np.float32)
    for cents in (-colour.chorus_cents / 2, colour.chorus_cents / 2):
        positions = seconds * (frequency * 2 ** (cents / 1200) * _TABLE_LENGTH)
        positions = positions.astype(np.intp) % _TABLE_LENGTH
        tone += (attack[positions] * fade**3 + sustain[positions]) * fade
    ends = np.minimum(seconds / timbre.attack, (seconds[-1] - seconds) / 0.02)
    return tone * (0.5 * np.minimum(ends, 1)).astype(np.float32)


def _make_cycle(spectrum):
    """Return one period of a sum of sines: (n_partials,) -> (_TABLE_LENGTH,)."""
    coefficients = np.zeros(_TABLE_LENGTH // 2 + 1, dtype=complex)
    coefficients[1 : len(spectrum) + 1] = -0.5j * _TABLE_LENGTH * spectrum
    return np.fft.irfft(coefficients).astype(np.float32)


def _make_hit(drum, generator, sample_rate):
    seconds = np.arange(int(0.4 * sample_rate)) / sample_rate
    frequencies = np.fft.rfftfreq(len(seconds), 1 / sample_rate)[1:]
    band = np.exp(-0.5 * (np.log2(frequencies / drum.centre) / drum.width) ** 2)
    phases = np.exp(2j * np.pi * generator.random_sample(len(band)))
    noise = np.fft.irfft(np.append(0, band * phases), len(seconds))
    hit = drum.noise * noise / noise.std() * np.exp(-seconds / drum.decay)
    cycles = drum.pitch * (seconds + 0.02 * (1 - np.exp(-seconds / 0.02)))
    hit += drum.tone * np.sin(2 * np.pi * cycles) * np.exp(-seconds / 0.12)
    return hit.astype(np.float32)


def _produce(signal, colour, equaliser, sample_rate):
    """Apply equaliser and room by overlap-add, in blocks that fit into the cache."""
    # Longer than the longest room by the tenths of a second that an equaliser rings.
    n_block = 1 << int(1.2 * sample_rate).bit_length()
    n_blocks = -(-len(signal) // n_block)
    response = _room_response(colour, sample_rate, n_block)
    response *= _equaliser_response(equaliser, sample_rate, n_block)
    padding = np.zeros(n_blocks * n_block - len(signal), dtype=np.float32)
    blocks = np.append(signal, padding).reshape(n_blocks, n_block)
    spectra = np.fft.rfft(blocks, 2 * n_block) * response.astype(np.complex64)
    blocks = np.fft.irfft(spectra).astype(np.float32, copy=False)
    produced = blocks[:, :n_block]
    produced[1:] += blocks[:-1, n_block:]
    return produced.ravel()[: len(signal)]


def _room_response(colour, sample_rate, n_block):
    """Return the spectrum of direct sound and decaying echoes: (n_block + 1,)."""
    seconds = np.arange(int(colour.reverb_duration * sample_rate)) / sample_rate
    noise = np.random.RandomState(colour.room_seed).random_sample(len(seconds))
    echoes = (noise - 0.5) * np.exp(-5 * seconds / colour.reverb_duration)
    echoes *= colour.reverb_level / np.sqrt(np.sum(echoes**2))
    echoes[0] += 1
    return np.fft.rfft(echoes, 2 * n_block)


def _equaliser_response(equaliser, sample_rate, n_block):
    """Return gains: (N_EQUALISER_BANDS,) decibels -> (n_block + 1,), cosines in mel."""
    frequencies = np.fft.rfftfreq(2 * n_block, 1 / sample_rate)
    height = np.log1p(frequencies / 700) / np.log1p(11_025 / 700)
    angle = np.pi * np.minimum(height, 1).astype(np.float32)
    decibels = sum(gain * np.cos(n * angle) for n, gain in enumerate(equaliser, 1))
    # Minimum phase, by the folded cepstrum: an echo before its sound would wrap around.
    cepstrum = np.fft.irfft(decibels * (np.log(10) / 20))
    cepstrum[1:n_block] *= 2
    cepstrum[n_block + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum))


def _amplitude(decibels):
    return 10 ** (decibels / 20)
