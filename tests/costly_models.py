"""Small model files that would take gigabytes, hours, or a process with them."""

import io
import json
import struct
import zipfile

import numpy as np
from model_archive import (
    find,
    forge,
    mapping,
    node,
    read_parts,
    sequence,
    text,
    write_parts,
)
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenre import (
    CNNGenreClassifier,
    LSTMGenreClassifier,
    MFCCExtractor,
    MLPGenreClassifier,
    TrackStatistics,
    save_model,
)


def write_honest(folder, X, y):
    """Write models as a user would: name -> file."""
    columns = TrackStatistics(statistics=("mean",))
    forest = RandomForestClassifier(3, max_depth=2, random_state=0)
    voting = VotingClassifier([("a", DummyClassifier()), ("b", DummyClassifier())])
    models = {
        "logistic": make_pipeline(columns, LogisticRegression()),
        "forest": make_pipeline(columns, forest),
        "dummy": make_pipeline(columns, DummyClassifier()),
        "voting": make_pipeline(columns, voting),
        "neighbours": make_pipeline(columns, KNeighborsClassifier(12)),
        "mlp": MLPGenreClassifier(hidden_layer_sizes=(4,), epochs=1),
        "cnn": CNNGenreClassifier(
            filters=(2,), kernel_sizes=((2, 2),), dense_units=2, epochs=1
        ),
        "lstm": LSTMGenreClassifier(units=(2,), dense_units=2, epochs=1),
    }
    files = {}
    for name, model in models.items():
        files[name] = folder / f"{name}.skops"
        save_model(model.fit(X, y), files[name])
    return files


def write_large(folder, X):
    """Write honest models of some megabytes: name -> file."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, X.shape[-1]))
    y = rng.choice(["blues", "jazz", "rock"], len(rows))
    bagged = make_pipeline(StandardScaler(), LogisticRegression())
    models = {
        "forest of 300 trees": RandomForestClassifier(300, random_state=0),
        "forest of 2,000 stumps": RandomForestClassifier(2000, max_depth=1),
        "300 pipelines": BaggingClassifier(bagged, 300, random_state=0),
    }
    files = {}
    for number, (name, model) in enumerate(models.items()):
        files[name] = folder / f"large{number}.skops"
        columns = TrackStatistics(statistics=("mean",))
        pipeline = make_pipeline(columns, model)
        save_model(pipeline.fit(rows[:, None, None], y), files[name])
    return files


def attributes(schema, name):
    """The nodes of the attributes of the first object of a class."""
    return find(schema, name)["content"]["content"]


def refer(target):
    return {name: target[name] for name in target if name.startswith("__")}


def set_array(members, target, array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    members[target["file"]] = buffer.getvalue()


def double(n_times):
    """A list that holds twice the one before, and so on."""
    inner = sequence("list", text(1))
    for _ in range(n_times):
        inner = sequence("list", inner, refer(inner))
    return inner


def repeat_member(name, owner, attribute, n_times):
    def change(schema, members):
        content = attributes(schema, owner)[attribute]["content"]
        content[1:1] = [refer(content[0])] * (n_times - len(content))

    return name, change


def put(name, owner, attribute, value):
    def change(schema, members):
        attributes(schema, owner)[attribute] = value

    return name, change


def set_parameter(name, **values):
    """Change what an architecture says, and leave its weights."""

    def change(schema, members):
        architecture = attributes(schema, "Architecture")
        for attribute, value in values.items():
            if attribute in architecture:
                architecture[attribute] = value
            else:
                architecture["parameters"]["content"][attribute] = value

    return name, change


def integers(*values):
    return sequence("tuple", *map(text, values))


def add_extractor(**parameters):
    def change(schema, members):
        names = MFCCExtractor().get_params()
        values = {n: text(v) for n, v in {**names, **parameters}.items()}
        extractor = node(
            "ObjectNode", "skgenre.MFCCExtractor", content=mapping(**values)
        )
        attributes(schema, "LogisticRegression")["C"] = extractor

    return "logistic", change


def crowd_neighbours(n_samples):
    def change(schema, members):
        found = attributes(schema, "KNeighborsClassifier")
        n_features = np.load(io.BytesIO(members[found["_fit_X"]["file"]])).shape[1]
        set_array(members, found["_fit_X"], np.ones((n_samples, n_features)))
        set_array(members, found["_y"], np.zeros(n_samples, int))
        # All 12 samples are neighbours: both numbers are one node.
        found["n_neighbors"]["content"] = json.dumps(n_samples)

    return "neighbours", change


CHANGES = {
    "unfolds to 2**60 lists": put("logistic", "LogisticRegression", "C", double(60)),
    "unfolds to 3 GB": put("logistic", "LogisticRegression", "classes_", double(28)),
    "refers to a tree 500,000 times": repeat_member(
        "forest", "RandomForestClassifier", "estimators_", 500_000
    ),
    "refers to an estimator 500,000 times": repeat_member(
        "voting", "VotingClassifier", "estimators_", 500_000
    ),
    "refers to an estimator 10,000 times": repeat_member(
        "voting", "VotingClassifier", "estimators_", 10_000
    ),
    "a layer of 10**9 units": set_parameter("mlp", hidden_layer_sizes=integers(10**9)),
    "a segment of 10**9 frames": set_parameter("mlp", input_shape=integers(10**9, 4)),
    "10**9 genres": set_parameter("mlp", n_classes=text(10**9)),
    "10**9 filters": set_parameter("cnn", filters=integers(10**9)),
    "a kernel of 10**9 frames": set_parameter(
        "cnn",
        padding=text("same"),
        kernel_sizes=sequence("tuple", integers(10**9, 2)),
    ),
    "10**6 units of LSTM": set_parameter("lstm", units=integers(10**6)),
    "10**9 classes of a forest": put(
        "forest", "RandomForestClassifier", "n_classes_", text(10**9)
    ),
    "10**12 outputs of a dummy": put(
        "dummy", "DummyClassifier", "n_outputs_", text(10**12)
    ),
    "n_fft of 2**20": add_extractor(n_fft=2**20, n_mels=4096),
    "hop_length of 1": add_extractor(hop_length=1),
    "10**6 segments": add_extractor(n_segments=10**6, segment_duration=0.03),
    "a long text": put("logistic", "LogisticRegression", "C", text("x" * 1001)),
    "neighbours of 22 MB": crowd_neighbours(700_000),
}


# Just within the bounds.
FULL_CHANGES = {
    "refers to an estimator 5,300 times": repeat_member(
        "voting", "VotingClassifier", "estimators_", 5300
    ),
    "unfolds to 2**18 lists": put("logistic", "LogisticRegression", "C", double(18)),
    "neighbours of 16 MB": crowd_neighbours(400_000),
    "numbers of 8 MB": put(
        "logistic",
        *("LogisticRegression", "C"),
        {**text(1), "more": ["ab"] * 1_300_000},
    ),
}


def write_full(folder, honest):
    """Write files that cost nearly as much as they may: name -> file."""
    files = {}
    for number, (name, (base, change)) in enumerate(FULL_CHANGES.items()):
        files[name] = folder / f"full{number}.skops"
        files[name].write_bytes(honest[base].read_bytes())
        forge(files[name], change, compression=zipfile.ZIP_DEFLATED)
    files["180,000 members"] = folder / "full.skops"
    files["180,000 members"].write_bytes(_list_members(180_000))
    return files


def write_costly(folder, honest):
    """Write files that must be refused before they cost anything: name -> file."""
    files = {}
    for number, (name, (base, change)) in enumerate(CHANGES.items()):
        files[name] = folder / f"costly{number}.skops"
        files[name].write_bytes(honest[base].read_bytes())
        forge(files[name], change, compression=zipfile.ZIP_DEFLATED)
    info, members = read_parts(honest["logistic"])
    for name, changed in {
        "schema of 60 MB": {"schema.json": members["schema.json"] + b" " * 60_000_000},
        "schema of brackets": {"schema.json": b"[" * 900 + b"]" * 900 + b" " * 9000},
        "array of 200 MB": {"99.npy": bytes(200_000_000)},
    }.items():
        files[name] = folder / f"{name}.skops"
        write_parts(
            files[name], info, {**members, **changed}, compression=zipfile.ZIP_DEFLATED
        )
    for name, content in {
        "info of brackets": b"[" * 1_000_000,
        "info of a long number": b'{"format_version": ' + b"9" * 1_000_000 + b"}",
        "info of dicts": json.dumps({"versions": [{}] * 250_000}).encode(),
    }.items():
        files[name] = folder / f"{name}.skops"
        with zipfile.ZipFile(files[name], "w") as opened:
            opened.writestr("info.json", content)
    files["1,500,000 members"] = folder / "members.skops"
    files["1,500,000 members"].write_bytes(_list_members(1_500_000))
    return files


def _list_members(n_members):
    """A zip archive whose directory names an empty member again and again."""
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, *[0] * 9) + b""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *[0] * 14)
    directory = entry * n_members
    end = struct.pack(
        *("<4s4H2LH", b"PK\5\6", 0, 0, n_members & 0xFFFF, n_members & 0xFFFF),
        *(len(directory), len(local), 0),
    )
    return local + directory + end
