"""Audio files that a collection should not hold, and does: made here, never shipped."""

import struct

import numpy as np
import soundfile

# Containers that folders are searched for, the extensions they go by, and the sample
# formats that are tested, by libsndfile's names.
CONTAINERS = {
    "WAV": (".wav",),
    "WAVEX": (".wav",),
    "RF64": (".rf64", ".wav"),
    "W64": (".w64",),
    "AU": (".au", ".snd"),
    "AIFF": (".aif", ".aifc", ".aiff"),
    "CAF": (".caf",),
    "FLAC": (".flac",),
    "OGG": (".ogg", ".oga", ".opus"),
    "MP3": (".mp3",),
}
PLAIN = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
SUBTYPES = {
    "WAV": (*PLAIN, "PCM_U8", "IMA_ADPCM", "MS_ADPCM", "GSM610"),
    "WAVEX": (*PLAIN, "PCM_U8"),
    "RF64": (*PLAIN, "PCM_U8"),
    "W64": (*PLAIN, "PCM_U8", "IMA_ADPCM", "MS_ADPCM", "GSM610"),
    "AU": (*PLAIN, "PCM_S8"),
    "AIFF": (*PLAIN, "PCM_S8", "PCM_U8", "IMA_ADPCM", "GSM610"),
    "CAF": (*PLAIN, "PCM_S8", "ALAC_16", "ALAC_20", "ALAC_24", "ALAC_32"),
    "FLAC": ("PCM_S8", "PCM_16", "PCM_24"),
    "OGG": ("VORBIS", "OPUS"),
    "MP3": ("MPEG_LAYER_III",),
}
FORMATS = [(name, subtype) for name in CONTAINERS for subtype in SUBTYPES[name]]

SAMPLE_RATES = (4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000, 384000)
N_CHANNELS = range(1, 9)

# What the formats themselves do not have; libsndfile refuses to write it, or crashes.
_MONO = {"GSM610"}
_STEREO = {"IMA_ADPCM", "MS_ADPCM", "MPEG_LAYER_III"}
_RATES = {
    "OPUS": {8000, 12000, 16000, 24000, 48000},
    "VORBIS": set(SAMPLE_RATES) - {384000},
    "MPEG_LAYER_III": {8000, 11025, 16000, 22050, 44100, 48000},
}

# The end of the 16 bytes that say which samples a WAVE_FORMAT_EXTENSIBLE header means.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
WAVE_TAGS = {"PCM": 1, "FLOAT": 3, "ALAW": 6, "ULAW": 7}


def make_noise(n_frames, n_channels=1, *, seed=0):
    """Noise far from full scale, of shape (n_frames, n_channels)."""
    return 0.1 * np.random.default_rng(seed).standard_normal((n_frames, n_channels))


def can_hold(subtype, sample_rate, n_channels):
    """Whether a sample format has such files."""
    most = 1 if subtype in _MONO else 2 if subtype in _STEREO else 8
    return n_channels <= most and sample_rate in _RATES.get(subtype, SAMPLE_RATES)


def write_format(folder, container, subtype, *, sample_rate=22050, n_channels=1):
    """Write a fifth of a second of noise; return the path."""
    name = f"{container}-{subtype}-{sample_rate}-{n_channels}"
    path = folder / f"{name}{CONTAINERS[container][0]}"
    noise = make_noise(sample_rate // 5, n_channels)
    soundfile.write(path, noise, sample_rate, format=container, subtype=subtype)
    return path


def write_seeds(folder):
    """Intact files of every format, of one and two channels, as bytes by name."""
    paths = [
        write_format(
            folder, container, subtype, sample_rate=sample_rate, n_channels=n_channels
        )
        for container, subtype in FORMATS
        for sample_rate in (22050, 48000)
        for n_channels in (1, 2)
        if can_hold(subtype, sample_rate, n_channels)
    ]
    return {path.name: path.read_bytes() for path in paths}


# Files that ffmpeg reads, as PyAV writes them: extension, its codec, and the demuxer.
FFMPEG_FORMATS = (
    ("m4a", "aac", "mov"),
    ("m4a", "alac", "mov"),
    ("mp3", "libmp3lame", "mp3"),
    ("webm", "libopus", "matroska"),
    ("mka", "vorbis", "matroska"),
    ("wma", "wmav1", "asf"),
    ("wma", "wmav2", "asf"),
    ("ac3", "ac3", "ac3"),
    ("eac3", "eac3", "eac3"),
    ("wv", "wavpack", "wv"),
    ("tta", "tta", "tta"),
    ("aac", "aac", "aac"),
    ("mp2", "mp2", "mp3"),
)
FFMPEG_DEMUXERS = {f".{extension}": name for extension, _, name in FFMPEG_FORMATS}


def write_ffmpeg_format(folder, extension, codec, *, n_frames=9600):
    """Write noise in stereo with PyAV; return the path."""
    import av

    path = folder / f"{codec}.{extension}"
    sample_rate = 48000 if codec == "libopus" else 44100
    noise = (2**15 * make_noise(n_frames, 2)).astype("<i2")
    form = {"mka": "matroska", "aac": "adts", "wma": "asf"}.get(extension)
    with av.open(path, "w", format=form) as container:
        options = {"strict": "experimental"}  # as PyAV's Vorbis is called
        stream = container.add_stream(codec, sample_rate, options=options)
        stream.layout, stream.bit_rate = "stereo", 128_000
        frame = av.AudioFrame.from_ndarray(noise.reshape(1, -1), layout="stereo")
        frame.sample_rate = sample_rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_ffmpeg_seeds(folder):
    """Intact files for ffmpeg as bytes by name."""
    paths = [
        write_ffmpeg_format(folder, extension, codec)
        for extension, codec, _ in FFMPEG_FORMATS
    ]
    return {path.name: path.read_bytes() for path in paths}


def pack_wav(
    samples,
    *,
    tag,
    n_bits,
    sample_rate=22050,
    n_channels=1,
    extensible=False,
    n_bytes=None,
):
    """The bytes of a WAV file whose header says just that, true or not."""
    width = n_channels * n_bits // 8
    layout = struct.pack(
        "<HIIHH", n_channels, sample_rate, sample_rate * width, width, n_bits
    )
    if extensible:
        guid = struct.pack("<H", tag) + _GUID_TAIL
        form = (
            struct.pack("<H", 0xFFFE)
            + layout
            + struct.pack("<HHI", 22, n_bits, 0)
            + guid
        )
    else:
        form = struct.pack("<H", tag) + layout
    n_bytes = len(samples) if n_bytes is None else n_bytes
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", n_bytes) + samples
    n_riff = min(4 + len(chunks) - len(samples) + n_bytes, 2**32 - 1)
    return b"RIFF" + struct.pack("<I", n_riff) + b"WAVE" + chunks
