"""Blocks of samples decoded by ffmpeg's libraries, which PyAV brings."""

import importlib.util

import numpy as np


def is_installed():
    """Whether PyAV can be imported; it is not imported here."""
    return importlib.util.find_spec("av") is not None


def find_name():
    """Return the name and version of the decoder, which decide what it decodes."""
    import av

    version = ".".join(map(str, av.library_versions["libavcodec"]))
    return f"ffmpeg libavcodec {version}"


class FfmpegReader:
    """Read the first stream of sound of a file, block by block.

    Once all blocks are read, `incomplete` says what is missing, or is None.
    """

    def __init__(self, file, *, demuxer):
        import av

        self.decoder = find_name()
        self.incomplete = None
        file.seek(0)
        self._container = av.open(file, format=demuxer, buffer_size=2**16)
        stream = self._container.streams.audio[0]
        self._stream = stream
        self.sample_rate = stream.codec_context.sample_rate
        self.n_channels = stream.codec_context.channels

    def read_blocks(self, n_frames, *, n_block_frames):
        """Yield float32 blocks (n_frames, n_channels) of up to n_frames (None: all)."""
        for packet in self._container.demux(self._stream):
            for frame in packet.decode():
                samples = frame.to_ndarray()
                if not frame.format.is_planar:
                    samples = samples.reshape(-1, self.n_channels).T
                yield samples.T.astype(np.float32)

    def close(self):
        self._container.close()
