"""Blocks of samples decoded by ffmpeg's libraries, which PyAV brings."""

import importlib.util
import itertools
import os
import struct
from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from skgenre.audio.errors import DecoderError
from skgenre.audio.inspection import describe_end, read_at
from skgenre.audio.mp4 import measure_boxes
from skgenre.audio.resampling import check_rate, resample

# Frames that are joined at most. These stay in the processor's cache until their
# channels are mixed; to copy them costs 4 ms for 30 s, and blocks of a million 10 ms.
MAX_BLOCK_FRAMES = 2**15

# Samples of all channels that a frame may have. Some headers can claim billions.
LIMITS = {"max_samples": str(2**24)}

# Frames in a packet of Monkey's Audio, all of which PyAV decodes at once. Its own
# program takes 1,179,648 at most.
MAX_APE_FRAMES = 2**22

# Planes (arrays of a channel each) that PyAV counts. From eight on it walks beyond them
# (18), or raises (19).
MAX_PLANES = 7

# Containers of one file each. Others (playlists, "concat") open files that they name,
# and a name that is not a demuxer's would leave the choice to ffmpeg.
# fmt: off
DEMUXERS = frozenset({
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "dts", "eac3",
    "flac", "flv", "iff", "matroska", "mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts",
    "ogg", "rm", "shn", "tak", "truehd", "tta", "voc", "w64", "wav", "wv",
})
# fmt: on

# Decoders of what is in files of music. ffmpeg has 119 more, of games and telephones,
# which fewer people test: up to 8.1.2, the newest in PyAV (18.1), those of APAC and ADX
# write outside of their memory (CVE-2026-125267, CVE-2026-64835).
# fmt: off
DECODERS = frozenset({
    "8svx_exp", "8svx_fib", "aac", "aac_latm", "ac3", "adpcm_ima_qt", "adpcm_ima_wav",
    "adpcm_ms", "adpcm_sbpro_2", "adpcm_sbpro_3", "adpcm_sbpro_4", "adpcm_swf",
    "adpcm_yamaha", "alac", "amrnb", "amrwb", "ape", "atrac3", "cook", "dca",
    "dsd_lsbf", "dsd_lsbf_planar", "dsd_msbf", "dsd_msbf_planar", "dst", "eac3", "flac",
    "g722", "gsm", "gsm_ms", "libopencore_amrnb", "libopencore_amrwb", "libopus",
    "mace3", "mace6", "mlp", "mp1", "mp1float", "mp2", "mp2float", "mp3",
    "mp3float", "mpc7", "mpc8", "nellymoser", "opus", "pcm_alaw", "pcm_bluray",
    "pcm_dvd", "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_mulaw",
    "pcm_s16be", "pcm_s16be_planar", "pcm_s16le", "pcm_s16le_planar", "pcm_s24be",
    "pcm_s24le", "pcm_s24le_planar", "pcm_s32be", "pcm_s32le", "pcm_s32le_planar",
    "pcm_s64be", "pcm_s64le", "pcm_s8", "pcm_s8_planar", "pcm_u16be", "pcm_u16le",
    "pcm_u24be", "pcm_u24le", "pcm_u32be", "pcm_u32le", "pcm_u8", "qdm2", "qdmc",
    "ralf", "real_144", "real_288", "s302m", "shorten", "sipr", "speex", "tak",
    "truehd", "tta", "vorbis", "wavpack", "wmalossless", "wmapro", "wmav1", "wmav2",
    "wmavoice",
})
# fmt: on

# Containers whose headers tell a duration. For others ffmpeg estimates it.
DEMUXERS_WITH_DURATION = (
    *("ape", "asf", "caf", "dsf", "flv", "matroska", "mov", "mpc", "mpc8", "tak"),
    *("tta", "wv"),
)

# Seconds of padding by which sound may be shorter than its header says.
DURATION_TOLERANCE = 0.5

ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
MATROSKA_SEGMENT = bytes.fromhex("18538067")

# How integers become floats, as in ffmpeg's own conversion. Those of 16 bits are scaled
# where channels are mixed.
SCALES = {"u8": 2.0**-7, "s32": 2.0**-31, "s64": 2.0**-63}
DTYPES = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}


def is_installed():
    """Whether PyAV can be imported; it is not imported here."""
    return importlib.util.find_spec("av") is not None


def find_name():
    """Return the name and version of the decoder, which decide what it decodes."""
    import av

    version = ".".join(map(str, av.library_versions["libavcodec"]))
    return f"ffmpeg libavcodec {version}"


class FfmpegReader:
    """Read the default stream of sound of a file, block by block.

    The file is read as the container that `demuxer` names, and no other file is opened,
    whatever it refers to. Damaged packets are left out, as the program ffmpeg does.
    Once the blocks asked for are read, `incomplete` says what is missing, or is None.
    """

    def __init__(self, file, *, demuxer):
        if demuxer not in DEMUXERS:
            raise DecoderError(
                f"is in a container ({demuxer}) that might open other files, expected "
                "one of a single file"
            )
        self.decoder = find_name()
        self.incomplete = None
        self._file, self._demuxer = _QuietFile(file), demuxer
        self._n_decoded = self._n_damaged = 0
        self._damaged_from = self._stopped_by = None
        self._promise = self._check_container()
        self._container = self._open()
        try:
            self._stream = self._choose_stream()
            self._find_form()
        except BaseException:
            self.close()
            raise

    def read_blocks(self, n_frames, *, n_block_frames):
        """Yield blocks of up to n_frames (None: all) of what can be decoded."""
        n_block_frames = min(n_block_frames, MAX_BLOCK_FRAMES)
        if n_frames is not None:
            n_block_frames = min(n_block_frames, n_frames)
        n_left, is_whole = n_frames, True
        for block in self._read_at_one_rate(n_block_frames):
            for start in range(0, len(block), n_block_frames):
                piece = block[start : start + n_block_frames][:n_left]
                n_left = None if n_left is None else n_left - len(piece)
                if len(piece):
                    yield piece
            if n_left == 0:
                is_whole = False
                break
        self._file.raise_error()
        self.incomplete = self._describe_missing(is_whole=is_whole)

    def close(self):
        self._container.close()

    def _check_container(self):
        """Return the `_Promise` of the header; refuse what ffmpeg should not open."""
        if self._demuxer == "ape":
            _check_ape(self._file)
        if self._demuxer != "mov":
            return _find_promise(self._file, self._demuxer)
        n_bytes, n_packets = measure_boxes(self._file, self._file.n_bytes)
        # ffmpeg takes 24 bytes of memory for each.
        if n_packets > self._file.n_bytes:
            raise DecoderError(
                f"claims {n_packets} packets in {self._file.n_bytes} bytes, expected "
                "no more packets than bytes"
            )
        return _Promise(n_bytes)

    def _open(self):
        import av

        # Not above: it loads scikit-learn's pipelines.
        from skgenre._compat import tags_need_not_be_text

        self._file.seek(0)
        try:
            return av.open(
                self._file,
                format=self._demuxer,
                io_open=_refuse_to_open,
                # Options of streams would end the process (PyAV 17) where a container,
                # such as FLV, tells its streams late.
                container_options={"codec_whitelist": ",".join(DECODERS)},
                **tags_need_not_be_text(),
            )
        except av.FFmpegError as error:
            self._file.raise_error()
            raise DecoderError(
                f"cannot be opened by ffmpeg's demuxer {self._demuxer} "
                f"({error.strerror}), expected intact audio"
            ) from error

    def _choose_stream(self):
        """Return the stream of sound that the program ffmpeg takes."""
        streams = [s for s in self._container.streams if s.type == "audio"]
        if not streams:
            kinds = ", ".join(stream.type for stream in self._container.streams)
            raise DecoderError(
                f"holds no sound (streams: {kinds or 'none'}), expected an audio stream"
            )
        codecs = [s.codec_context.name if s.codec_context else "?" for s in streams]
        pairs = zip(streams, codecs, strict=True)
        streams = [stream for stream, codec in pairs if codec in DECODERS]
        if not streams:
            raise DecoderError(
                f"holds sound in a codec that is not supported ({', '.join(codecs)}), "
                "expected a codec of music"
            )
        n_channels = {s.index: _replace_layout(s.codec_context) for s in streams}
        chosen = max(streams, key=lambda s: (_is_default(s), n_channels[s.index]))
        for stream in self._container.streams:
            # The pictures of a film need not be read.
            if stream is not chosen:
                stream.discard = type(stream.discard).all
        context = chosen.codec_context
        _refuse_listed_channels(context.extradata)
        context.thread_count = 1
        context.options = LIMITS
        return chosen

    def _find_form(self):
        """Decode the first frame: headers may be wrong about the rate and channels."""
        # Not below: a decoder that cannot be started has no name in PyAV 19.
        codec = self._stream.codec_context.codec.long_name
        frames = self._decode()
        first = next(frames, None)
        if first is None or first.sample_rate <= 0:
            self._file.raise_error()
            raise DecoderError(
                f"holds no packet of {codec} that can be decoded ({self._n_damaged} "
                "damaged), expected intact audio"
            )
        self._frames = itertools.chain([first], frames)
        self.sample_rate = first.sample_rate
        self.n_channels = first.layout.nb_channels

    def _decode(self):
        """Yield frames; leave out what cannot be decoded, as the program does."""
        import av

        context = self._stream.codec_context
        is_aac = context.name.startswith("aac")
        packets = self._container.demux(self._stream)
        while True:
            packet = None
            try:
                # A packet without content would end decoding, as None does.
                packet = next((packet for packet in packets if packet.size), None)
            except av.FFmpegError as error:
                self._stopped_by = error.strerror
            if is_aac and packet is not None and packet.has_sidedata("new_extradata"):
                _refuse_listed_channels(bytes(packet.get_sidedata("new_extradata")))
            try:
                frames = context.decode(packet)
            # ValueError: the decoder cannot be started (PyAV 19, after the first try).
            except (av.FFmpegError, ValueError):
                frames = []
                if packet is not None:
                    self._n_damaged += 1
                    if self._damaged_from is None:
                        self._damaged_from = self._n_decoded
            for frame in frames:
                self._n_decoded += frame.samples
                is_wide = frame.layout.nb_channels > MAX_PLANES
                yield _pack(frame) if is_wide and frame.format.is_planar else frame
            if packet is None:
                return

    def _join_frames(self, n_block_frames):
        """Yield pairs: the rate of some frames, and a block that joins them."""
        form, planes, n_joined = None, [], 0
        for frame in self._frames:
            n_frames = frame.samples
            found = frame.format.name, frame.layout.nb_channels, frame.sample_rate
            if found != form or n_joined + n_frames > n_block_frames:
                if n_joined:
                    yield form[2], _make_block(planes, form)
                if found != form:
                    seconds = self._n_decoded / self.sample_rate
                    check_rate(frame.sample_rate, self.sample_rate, seconds)
                form, n_joined = found, 0
                is_planar = form[0].endswith("p")
                n_bytes = np.dtype(DTYPES[form[0].removesuffix("p")]).itemsize
                n_bytes *= 1 if is_planar else form[1]
                planes = [[] for _ in range(form[1] if is_planar else 1)]
            for joined, plane in zip(planes, frame.planes, strict=True):
                joined.append(memoryview(plane)[: n_frames * n_bytes])
            n_joined += n_frames
        if n_joined:
            yield form[2], _make_block(planes, form)

    def _read_at_one_rate(self, n_block_frames):
        """Yield blocks; where a joined file has another rate, it is resampled."""
        blocks = self._join_frames(n_block_frames)
        for (rate, _), part in itertools.groupby(blocks, _find_kind_of_block):
            part = (block for _, block in part)
            if rate == self.sample_rate:
                yield from part
            else:
                yield from resample(part, old_rate=rate, new_rate=self.sample_rate)

    def _describe_missing(self, *, is_whole):
        """Return what the header promises and the file lacks, or None."""
        found, seconds = [], self._n_decoded / self.sample_rate
        duration = self._find_duration()
        is_cut = (self._promise.n_bytes or 0) > self._file.n_bytes
        end = self._find_cut()
        if end is None and duration is not None and is_whole:
            tolerance = 0.0 if is_cut else DURATION_TOLERANCE
            end = seconds if seconds < duration - tolerance else None
        if end is not None and duration is not None:
            found.append(
                f"ends after {end:.2f} of the {duration:.2f} s that its header promises"
            )
        elif is_cut and (duration is None or not is_whole):
            found.append(describe_end(self._file.n_bytes, self._promise.n_bytes))
        elif self._stopped_by is not None and not (
            duration is not None and seconds > duration - 0.01
        ):
            found.append(f"cannot be read after {seconds:.2f} s ({self._stopped_by})")
        # The last packet of a file that is cut off is damaged, too.
        if self._n_damaged and not (found and self._damaged_from == self._n_decoded):
            start = self._damaged_from / self.sample_rate
            is_one = self._n_damaged == 1
            found.append(
                f"lacks {self._n_damaged} damaged packet{'' if is_one else 's'}, which "
                f"ffmpeg leaves out, {'at' if is_one else 'from'} {start:.2f} s"
            )
        return "; ".join(found) or None

    def _find_duration(self):
        """Return the seconds of sound that the header promises, or None."""
        stream, context = self._stream, self._stream.codec_context
        if context.name == "flac" and len(context.extradata or b"") >= 18:
            # The number of samples in FLAC's own header; 0 where it is unknown.
            n_frames = int.from_bytes(context.extradata[13:18], "big") & (2**36 - 1)
            return n_frames / self.sample_rate if n_frames else None
        if self._demuxer not in DEMUXERS_WITH_DURATION:
            return None
        if self._demuxer == "mov":
            duration = stream.duration
            return float(duration * stream.time_base) if duration else None
        # The duration of the container may be that of its pictures.
        if {other.type for other in self._container.streams} != {"audio"}:
            return None
        if self._promise.seconds is None and self._container.duration is not None:
            return self._container.duration / 1e6
        return self._promise.seconds

    def _find_cut(self):
        """Return the second from which the container's index points beyond the file."""
        entries = self._stream.index_entries
        n_bytes, n_entries = self._file.n_bytes, len(entries)

        def is_missing(number):
            return entries[number].pos + entries[number].size > n_bytes

        first = bisect_left(range(n_entries), True, key=is_missing)
        if first == n_entries:
            return None
        return float(entries[first].timestamp * self._stream.time_base)


class _QuietFile:
    """A file that PyAV reads from C, where an exception would be printed.

    It has no name, so that ffmpeg cannot find files beside it.
    """

    def __init__(self, file):
        self._file, self._error = file, None
        self.n_bytes = file.seek(0, os.SEEK_END)

    def read(self, n_bytes):
        try:
            return (self._file.read(n_bytes) or b"")[:n_bytes]
        except OSError as error:
            self._error = error
            return b""

    def seek(self, offset, whence=os.SEEK_SET):
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):  # a negative position, of a damaged header
            return -1

    def tell(self):
        return self._file.tell()

    def raise_error(self):
        if self._error is not None:
            raise self._error


def _refuse_to_open(url, flags, options):
    raise PermissionError(f"refers to another file, {url!r}")


class _Promise(NamedTuple):
    """The length of a file as its header tells it, where ffmpeg does not say."""

    n_bytes: int | None = None
    seconds: float | None = None


def _find_promise(file, demuxer):
    head = read_at(file, 0, 2**12)
    if demuxer in ("iff", "avi"):
        length = int.from_bytes(head[4:8], "big" if demuxer == "iff" else "little")
        return _Promise(8 + length if length < 2**32 - 1 else None)
    if demuxer == "asf" and ASF_FILE_PROPERTIES in head:
        # ffmpeg ignores the duration where the length of the file is another.
        _, _, n_bytes, _, _, duration, _, preroll = struct.unpack_from(
            "<Q16sQQQQQQ", head.split(ASF_FILE_PROPERTIES)[1].ljust(72, b"\0")
        )
        seconds = duration / 1e7 - preroll / 1e3
        return _Promise(n_bytes, seconds if seconds > 0 else None)
    if demuxer == "matroska" and MATROSKA_SEGMENT in head:
        start = head.index(MATROSKA_SEGMENT) + 4
        # A length is of as many bytes as its first one has leading zeros, and one more.
        # If all its other bits are set, it is unknown.
        n_length = 9 - head[start : start + 1].ljust(1, b"\0")[0].bit_length()
        unknown = 2 ** (7 * n_length) - 1
        length = int.from_bytes(head[start : start + n_length], "big") & unknown
        if n_length <= 8 and length != unknown:
            return _Promise(start + n_length + length)
    return _Promise()


def _check_ape(file):
    """Refuse Monkey's Audio whose packets would be a gigabyte of silence each."""
    head = read_at(file, 0, 2**12).ljust(2**12, b"\0")
    version, _, n_descriptor = struct.unpack_from("<HHI", head, 4)
    if version < 3980:  # the number is given by the version
        return
    offset = min(n_descriptor, 2**11) + 4
    (n_frames,) = struct.unpack_from("<I", head, offset)
    if n_frames > MAX_APE_FRAMES:
        raise DecoderError(
            f"is Monkey's Audio with {n_frames} frames in a packet, expected up to "
            f"{MAX_APE_FRAMES}"
        )


def _is_default(stream):
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.default)


def _replace_layout(context):
    """Return the number of channels; replace their layout where PyAV could not use it.

    A layout may be a list of channels in memory (the 'chan' box of QuickTime). PyAV 18
    frees that list with each object that it makes of the layout, so the second one ends
    the process. Here it is freed once, and replaced before anybody else looks.
    """
    layout = context.layout
    n_channels, name = layout.nb_channels, layout.name
    del layout
    if n_channels > 0:
        is_listed = name.startswith(f"{n_channels} channels")
        context.layout = f"{n_channels} channels" if is_listed else name
    return n_channels


def _refuse_listed_channels(extradata):
    """Refuse xHE-AAC whose decoder would make such a list, for each frame."""
    bits = "".join(f"{byte:08b}" for byte in (extradata or b"")[:16])
    if not bits.startswith("11111001010"):  # object type 42
        return
    bits = bits[11:]
    bits = bits[28:] if bits.startswith("1111") else bits[4:]  # rate
    bits = bits[4:]  # channels
    bits = bits[29:] if bits.startswith("11111") else bits[5:]  # rate, again
    if bits[3:8] == "00000":
        raise DecoderError(
            "is xHE-AAC with a list of channels, expected one of the usual layouts"
        )


def _pack(frame):
    """Return a frame of one plane, where PyAV cannot count the planes of a frame."""
    from av import AudioResampler

    frame.pts = None
    kind = frame.format.name.removesuffix("p")
    (packed,) = AudioResampler(format=kind).resample(frame)
    return packed


def _make_block(planes, form):
    """Join the planes of frames: (n_frames,) or (n_frames, n_channels)."""
    name, n_channels, _ = form
    kind = name.removesuffix("p")
    # bytes could not be written to.
    joined = bytearray().join(itertools.chain.from_iterable(planes))
    samples = np.frombuffer(joined, DTYPES[kind])
    if n_channels > 1 and name.endswith("p"):
        samples = samples.reshape(n_channels, -1).T
    elif n_channels > 1:
        samples = samples.reshape(-1, n_channels)
    if kind == "u8":
        samples = samples - np.float32(128)
    if kind in SCALES:
        return samples.astype(np.float32) * np.float32(SCALES[kind])
    if kind == "dbl":
        with np.errstate(over="ignore"):  # refused later, as all that is not finite
            return samples.astype(np.float32)
    return samples


def _find_kind_of_block(pair):
    rate, block = pair
    return rate, block.shape[1:]
