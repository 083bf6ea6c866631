"""How fast musicnn's networks are here, against their own graphs in TensorFlow.

    python benchmarks/bench_embedding_kernel.py FOLDER [--model MTT_musicnn]

Either side computes the penultimate layer of the ten segments of tracks, from 30 s of
samples at 16 kHz, on one thread: here one segment after the other; there librosa's mel
spectrograms and the graph that the authors trained, from the checkpoint's `.meta`, as a
function of TensorFlow with constant weights, for ten segments at once and one by one.
The sides take turns. Peaks of memory are those of processes that do nothing else,
above what they hold before the first segment. FOLDER holds wav files; musicnn must be
installed: pip install --no-deps musicnn==0.1.0
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import librosa
import numpy as np
from pairs import measure_pairs, print_header, print_pairs

from skgenre.pretrained import MODELS, load_weights
from skgenre.pretrained.network import compute_log_mel, make_network

N_SEGMENTS = 10
N_SAMPLES = 48000
TENSORS = {
    "musicnn": "model/batch_normalization_10/batchnorm/add_1",
    "vgg": "model/Flatten/flatten/Reshape",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", choices=MODELS, default="MTT_musicnn")
    parser.add_argument("--n-pairs", type=int, default=9)
    parser.add_argument("--peak", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    tracks = load_tracks(arguments.folder)
    if arguments.peak:
        print_peak(SIDES[arguments.peak](arguments.model), tracks)
        return
    sides = {name: make(arguments.model) for name, make in SIDES.items()}
    ours = sides.pop("ours")
    print_header()
    for name, theirs in sides.items():
        print_difference(name, ours, theirs, tracks)
        seconds = measure_pairs(
            lambda: ours(tracks[0]),
            lambda theirs=theirs: theirs(tracks[0]),
            arguments.n_pairs,
        )
        print_pairs(f"ours, {name}", seconds)
    print_threads(ours, tracks, arguments.n_pairs)
    for name in SIDES:
        print(name, end=": ", flush=True)
        command = [sys.executable, *sys.argv, "--peak", name]
        subprocess.run(command, check=True)


def load_tracks(folder):
    """Segments of four tracks, repeated where too short: (n_segments, n_samples)."""
    paths = sorted(folder.rglob("*.wav"))
    if not paths:
        raise SystemExit(f"no wav file in {folder}")
    signals = [
        librosa.load(path, sr=16000, duration=30.0)[0]
        for path in paths[:: max(1, len(paths) // 4)][:4]
    ]
    shape = (N_SEGMENTS, N_SAMPLES)
    return [np.resize(signal, shape) for signal in signals]


def find_musicnn():
    spec = find_spec("musicnn")
    if spec is None:
        raise SystemExit("pip install --no-deps musicnn==0.1.0")
    return spec.submodule_search_locations[0]


def make_ours(model):
    network = make_network(model, load_weights(model, find_musicnn()))

    def compute(track):
        log_mels = map(compute_log_mel, track)
        return np.stack([network.compute(one, "penultimate") for one in log_mels])

    return compute


def make_whole(model):
    graph = load_graph(model)
    return lambda track: graph(np.stack([*map(compute_librosa, track)]))


def make_single(model):
    graph = load_graph(model)
    return lambda track: np.concatenate(
        [graph(compute_librosa(segment)[None]) for segment in track]
    )


SIDES = {
    "ours": make_ours,
    "graph, ten at once": make_whole,
    "graph, one by one": make_single,
}


def compute_librosa(segment):
    mel = librosa.feature.melspectrogram(
        y=segment, sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode="constant"
    )
    return np.log10(10000 * mel.T[:187] + 1)


def load_graph(model):
    """The trained graph up to the penultimate layer, weights as constants."""
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    meta = Path(find_musicnn(), model, ".meta").read_bytes()
    whole = meta_graph_pb2.MetaGraphDef.FromString(meta).graph_def
    output = TENSORS[model.partition("_")[2]]
    graph_def = tf.compat.v1.graph_util.extract_sub_graph(whole, [output])
    constants = load_weights(model, find_musicnn()) | {
        "model/Placeholder_2": np.array(False)
    }
    for node in graph_def.node:
        # Shapes that today's TensorFlow refuses.
        node.attr.pop("_output_shapes", None)
        if node.name in constants:
            name, value = node.name, tf.make_tensor_proto(constants[node.name])
            node.Clear()
            node.name, node.op = name, "Const"
            node.attr["dtype"].type = value.dtype
            node.attr["value"].tensor.CopyFrom(value)
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(graph_def, name=""), []
    )
    function = wrapped.prune("model/Placeholder:0", f"{output}:0")
    return lambda log_mels: function(tf.constant(log_mels)).numpy()


def print_difference(name, ours, theirs, tracks):
    worst = max(np.abs(ours(track) - theirs(track)).max() for track in tracks)
    print(f"largest difference from the {name}: {worst:.1e}")


def print_threads(ours, tracks, n_pairs):
    """Four tracks on one thread and on two."""
    with ThreadPoolExecutor(2) as threads:
        seconds = measure_pairs(
            lambda: list(threads.map(ours, tracks)),
            lambda: [*map(ours, tracks)],
            n_pairs,
        )
    print_pairs("two threads, one thread", seconds, per=len(tracks))


def print_peak(compute, tracks):
    """Memory of four tracks beyond that of modules, samples and weights."""
    # Forget the peak of decoding.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_bytes()
    for track in tracks:
        compute(track)
    peak = peak_bytes()
    print(
        f"peak memory: {(peak - before) / 1e6:.0f} MB more, {peak / 1e6:.0f} MB in all"
    )


def peak_bytes():
    # Not ru_maxrss, which starts from the peak of the process that began this one.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


if __name__ == "__main__":
    main()
