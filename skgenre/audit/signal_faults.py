"""Faults in the sound of one track: silence, clipping, an offset, a band limit."""

import numpy as np
from scipy import fft

# A 16-bit file ends at -98 dBFS, and music fades out at about -50: what stays below
# this for a whole track is the noise of a transfer.
SILENCE_DBFS = -60.0
MAX_SILENT_SHARE = 0.5
SILENCE_BLOCK_SECONDS = 0.05  # shorter than a beat, so that rests are not averaged away

# Two 16-bit steps below one, so that float and lossy copies of full scale count too.
FULL_SCALE = 1 - 2 / 2**15
# One or two samples at full scale are a peak that just fits; three in a row are flat.
MIN_CLIPPED_RUN = 3  # samples
# One sample in a thousand: about 20 clipped peaks a second. 0.06 % is the most met in
# 140 tracks of GTZAN, where it is not heard.
MAX_CLIPPED_SHARE = 0.001

# One percent of full scale is -40 dBFS, well above any dither. Of 140 GTZAN tracks one
# exceeds it, with -0.018.
MAX_DC_OFFSET = 0.01

# A lossy coder cuts a full spectrum off as with a knife: 30 dB within half a kilohertz.
# Over 140 GTZAN tracks the steepest natural slope is 24 dB, while mp3 files of 32
# kbit/s lose at least 63.
MIN_BAND_LIMIT_DROP_DB = 30.0
# Above this every resampling filter has begun to fall; an mp3 of 192 kbit/s still cuts
# 44.1 kHz below it, at 18.6 kHz.
MAX_BAND_LIMIT_RELATIVE_TO_NYQUIST = 0.85
# No coder of music cuts lower, but the partials of a bare tone end anywhere.
MIN_BAND_LIMIT_HERTZ = 3500.0
SPECTRUM_BAND_HERTZ = 250.0
# Bands below the limit that must all have sound, so that a lone tone is not taken for
# the edge of a band; and bands over which the level may fall.
N_FILLED_BANDS = 6
N_SLOPE_BANDS = 2

N_SPECTRUM_FRAMES = 64  # spread over the track
SPECTRUM_FRAME_SECONDS = 0.09


def find_signal_faults(signal, *, sample_rate):
    """Return the faults in the sound of one track.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        Mono samples, float32, full scale being -1 to 1. They are not written to.
    sample_rate : int
        Samples per second, in hertz.

    Returns
    -------
    faults : list of (fault, detail)
        Names out of ``FAULTS``, each with what was measured.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre.audit.signal_faults import find_signal_faults
    >>> tone = 0.1 + 0.5 * np.sin(np.arange(44100) / 10)
    >>> find_signal_faults(tone, sample_rate=22050)
    [('dc-offset', 'mean of 0.100 of full scale (at most 0.01)')]
    """
    if silence := _find_silence(signal, sample_rate):
        # Noise has neither a level to clip nor a spectrum to cut.
        return [("silent", silence)]
    faults = []
    if clipping := _find_clipping(signal):
        faults.append(("clipped", clipping))
    offset = float(signal.mean(dtype=np.float64))
    if abs(offset) > MAX_DC_OFFSET:
        detail = f"mean of {offset:.3f} of full scale (at most {MAX_DC_OFFSET:g})"
        faults.append(("dc-offset", detail))
    if limit := _find_band_limit(signal, sample_rate):
        faults.append(("band-limited", limit))
    return faults


def _find_silence(signal, sample_rate):
    block_length = min(len(signal), max(1, round(SILENCE_BLOCK_SECONDS * sample_rate)))
    n_blocks = len(signal) // block_length
    blocks = signal[: n_blocks * block_length].reshape(n_blocks, block_length)
    # Power around the mean, not around zero: an offset is not sound.
    powers = np.einsum("ij,ij->i", blocks, blocks) / block_length
    powers = np.maximum(powers - float(signal.mean(dtype=np.float64)) ** 2, 1e-20)
    level = 10 * np.log10(powers.mean())
    if level < SILENCE_DBFS:
        return f"RMS of {level:.1f} dBFS (at least {SILENCE_DBFS:g})"
    share = float(np.mean(10 * np.log10(powers) < SILENCE_DBFS))
    if share > MAX_SILENT_SHARE:
        return (
            f"{share:.0%} of the track below {SILENCE_DBFS:g} dBFS "
            f"(at most {MAX_SILENT_SHARE:.0%})"
        )
    return None


def _find_clipping(signal):
    if max(-signal.min(), signal.max()) < FULL_SCALE:
        return None
    n_clipped = 0
    for at_limit in (signal >= FULL_SCALE, signal <= -FULL_SCALE):
        edges = np.flatnonzero(np.diff(at_limit, prepend=False, append=False))
        lengths = edges[1::2] - edges[::2]
        n_clipped += int(lengths[lengths >= MIN_CLIPPED_RUN].sum())
    share = n_clipped / len(signal)
    if share <= MAX_CLIPPED_SHARE:
        return None
    return (
        f"{share:.2%} of the samples at full scale, {MIN_CLIPPED_RUN} or more in a row "
        f"(at most {MAX_CLIPPED_SHARE:.1%})"
    )


def _find_band_limit(signal, sample_rate):
    n_fft = fft.next_fast_len(max(16, round(SPECTRUM_FRAME_SECONDS * sample_rate)))
    if len(signal) < n_fft:
        return None
    n_frames = min(N_SPECTRUM_FRAMES, len(signal) // n_fft)
    starts = np.linspace(0, len(signal) - n_fft, n_frames).astype(int)
    frames = np.stack([signal[start : start + n_fft] for start in starts])
    spectrum = fft.rfft(frames * np.hanning(n_fft).astype(np.float32))
    power = np.mean(spectrum.real**2 + spectrum.imag**2, axis=0)
    n_bins = max(1, round(SPECTRUM_BAND_HERTZ * n_fft / sample_rate))
    # The last few percent below half the sample rate belong to the filters.
    n_bands = int(0.97 * len(power)) // n_bins
    bands = power[: n_bands * n_bins].reshape(n_bands, n_bins).mean(axis=1)
    levels = 10 * np.log10(np.maximum(bands, 1e-20))
    width = n_bins * sample_rate / n_fft  # hertz
    highest = MAX_BAND_LIMIT_RELATIVE_TO_NYQUIST * sample_rate / 2
    drop, limit = 0.0, None
    first = max(N_FILLED_BANDS, int(MIN_BAND_LIMIT_HERTZ / width))
    last = min(int(highest / width) + 1, len(levels) - N_SLOPE_BANDS)
    for band in range(first, last):
        below = levels[band - N_FILLED_BANDS : band].min()
        above = levels[band + N_SLOPE_BANDS :].max()
        if below - above > drop:
            drop, limit = below - above, band * width
    if drop < MIN_BAND_LIMIT_DROP_DB:
        return None
    return (
        f"{drop:.0f} dB less above {limit / 1000:.1f} kHz than just below it "
        f"(less than {MIN_BAND_LIMIT_DROP_DB:g} dB up to {highest / 1000:.1f} kHz)"
    )
