"""Files that pretend to be models: each is refused in words, and none is run."""

import io
import json
import os
import pickle
import random
import struct
import warnings
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from model_archive import (
    IDS,
    find,
    forge,
    mapping,
    node,
    read_parts,
    sequence,
    text,
    write_parts,
)
from numpy.testing import assert_array_equal
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer
from sklearn.svm import SVC

from skgenre import (
    MLPGenreClassifier,
    ModelFileError,
    MusicnnEmbedding,
    SegmentPoolingClassifier,
    TrackStatistics,
    load_model,
    make_model,
    read_model_info,
    save_model,
)
from skgenre.persistence import archive

SEED, N_MUTATIONS = 0, 200
MEANS = TrackStatistics(statistics=("mean",))


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture
def victim(tmp_path):
    """A file that exists once code of a model has run."""
    path = tmp_path / "ran"
    yield path
    assert not path.exists()


@pytest.fixture
def good(features, file):
    """A file of a small model, its features and probabilities."""
    X, y = features
    model = make_pipeline(MEANS, LogisticRegression()).fit(X, y)
    save_model(model, file)
    return file, X, model.predict_proba(X)


def first_array(file):
    return next(name for name in read_parts(file)[1] if name.endswith(".npy"))


def test_pickles_are_refused_and_not_run(file, victim):
    file.write_bytes(pickle.dumps(Bomb(victim)))
    with pytest.raises(ModelFileError, match=r"not a model file.*pickles never are"):
        load_model(file)
    joblib.dump({"model": Bomb(victim)}, file)
    with pytest.raises(ModelFileError, match="pickles never are"):
        load_model(file)


def test_compressed_joblib_file_is_refused(file, victim):
    joblib.dump(Bomb(victim), file, compress=3)
    with pytest.raises(ModelFileError, match="not a model file"):
        load_model(file)


def test_files_of_skops_itself_are_refused(file, good):
    skops.io.dump(make_pipeline(LogisticRegression()), file)
    with pytest.raises(ModelFileError, match=r"no info.json: it was not written by"):
        load_model(file)


def test_keras_archive_with_a_lambda_is_refused(tmp_path, victim):
    import keras

    layers = [keras.layers.Input((3,)), keras.layers.Lambda(lambda x: x * 2)]
    file = tmp_path / "network.keras"
    keras.Sequential(layers).save(file)
    with pytest.raises(ModelFileError, match="not written by skgenre"):
        load_model(file)


def attack_nodes(victim):
    """Nodes that would run a command, or hand one on, were they made."""
    command = f"touch {victim}"
    system = node("FunctionNode", "os.system")
    arguments = sequence("tuple", text(command))
    return {
        "function": (system, r"os\.system"),
        "type": (node("TypeNode", "os.system"), r"os\.system"),
        "object": (node("ObjectNode", "subprocess.Popen"), r"subprocess\.Popen"),
        "constructor": (
            node("ConstructorFromReduceNode", "os.system", content=arguments),
            r"os\.system",
        ),
        "operator": (
            node(
                "OperatorFuncNode",
                "operator.methodcaller",
                attrs=sequence("tuple", text("fit")),
            ),
            "OperatorFuncNode",
        ),
        "method": (
            node(
                "MethodNode",
                "skgenre.MFCCExtractor",
                content={
                    "func": "fit",
                    "obj": node("ObjectNode", "skgenre.MFCCExtractor"),
                },
            ),
            "MethodNode",
        ),
        "partial": (
            node(
                "PartialNode",
                "functools.partial",
                content={
                    "func": system,
                    "args": arguments,
                    "kwds": mapping(),
                    "namespace": text(None),
                },
            ),
            "PartialNode",
        ),
        "list": (node("ListNode", "os.system", content=[text(command)]), "ListNode"),
        "tuple": (node("TupleNode", "os.system", content=[]), "TupleNode"),
        "dict": (
            node("DictNode", "os.system", content={}, key_types=sequence("list")),
            "DictNode",
        ),
        "keys": (mapping(keys=[system], **{command: text(1)}), r"os\.system"),
        "array": (
            node("NdArrayNode", "os.system", type="numpy", file="1.npy"),
            "NdArrayNode",
        ),
        "loss": (
            node(
                "LossNode",
                "os.system",
                content=mapping(),
                __reduce__={"args": arguments},
            ),
            r"os\.system",
        ),
        "default factory": (
            node(
                "DefaultDictNode",
                "collections.defaultdict",
                content={"main": mapping(), "default_factory": system},
            ),
            "DefaultDictNode",
        ),
        "generator": (
            node(
                "RandomGeneratorNode",
                "numpy.random._generator.Generator",
                content={"bit_generator": mapping(bit_generator=text("seed"))},
            ),
            "RandomGeneratorNode",
        ),
        "unknown": (node("NewNode", "os.system"), "NewNode"),
        "escape": (node("ObjectNode", "os.\x1b[2J"), "type of the name"),
        "dotted": (node("FunctionNode", "skgenre.networks.paper.build_mlp"), "paper"),
    }


@pytest.mark.parametrize("kind", attack_nodes("victim"))
def test_nodes_that_could_run_code_are_refused_by_name(kind, good, victim):
    file, *_ = good
    hostile, reason = attack_nodes(victim)[kind]

    def add(schema, members):
        find(schema, "LogisticRegression")["content"]["content"]["C"] = hostile

    forge(file, add)
    with pytest.raises(ModelFileError, match=reason):
        load_model(file)


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "array", "type"])
def test_trust_does_not_let_a_name_stand_everywhere(kind, good, victim):
    file, *_ = good
    hostile, _ = attack_nodes(victim)[kind]

    def add(schema, members):
        find(schema, "LogisticRegression")["content"]["content"]["C"] = hostile

    forge(file, add)
    with pytest.raises(ModelFileError, match="what no model is made of"):
        load_model(file, trusted=["os.system"])


def test_older_format_of_skops_is_refused(good):
    file, *_ = good
    forge(file, lambda schema, members: {**schema, "protocol": 0})
    with pytest.raises(ModelFileError, match="not of version 2 of skops' format"):
        load_model(file)


def test_root_must_be_a_fitted_classifier(good):
    file, *_ = good
    protocol = {"protocol": 2, "_skops_version": "0.16"}
    for root, reason in [
        (text("mlp"), "model must be a fitted classifier"),
        (sequence("list"), "model must be a fitted classifier"),
        (node("ObjectNode", "skgenre.MFCCExtractor"), "no model can be made"),
        (node("ObjectNode", "skgenre.MLPGenreClassifier"), "no model can be made"),
        (node("FunctionNode", "skgenre.networks.build_mlp"), "where it has no place"),
    ]:
        forge(file, lambda schema, members, root=root: {**root, **protocol})
        with pytest.raises(ModelFileError, match=reason):
            load_model(file)


def test_objects_that_hold_themselves_are_refused(good):
    file, *_ = good

    def refer(schema, members):
        itself = node(
            "ObjectNode", "sklearn.pipeline.Pipeline", __id__=schema["__id__"]
        )
        schema["content"]["content"]["steps"] = itself

    forge(file, refer)
    with pytest.raises(ModelFileError, match="an object that holds itself"):
        load_model(file)


def test_second_object_of_an_id_is_refused(good, victim):
    file, *_ = good

    def repeat(schema, members):
        steps = find(schema, "Pipeline")["content"]["content"]["steps"]
        system = node("FunctionNode", "os.system", __id__=steps["__id__"])
        schema["content"]["content"]["memory"] = system

    forge(file, repeat)
    with pytest.raises(ModelFileError, match="for two objects"):
        load_model(file)


def test_keys_are_not_handed_to_a_function(good):
    file, *_ = good

    def add(schema, members):
        build = node("FunctionNode", "skgenre.networks.build_mlp")
        attributes = find(schema, "LogisticRegression")["content"]["content"]
        attributes["C"] = mapping(keys=[build], rock=text(1))

    forge(file, add)
    with pytest.raises(ModelFileError, match="keys of no type"):
        load_model(file)


def test_an_array_is_not_copied_again_and_again(good):
    file, *_ = good

    def repeat(schema, members):
        array = find(schema, "ndarray")
        copies = [{**array, "__id__": next(IDS)} for _ in range(1000)]
        find(schema, "LogisticRegression")["content"]["content"]["C"] = sequence(
            "list", *copies
        )

    forge(file, repeat)
    with pytest.raises(ModelFileError, match="an array of another object"):
        load_model(file)


@pytest.mark.parametrize("depth", [150, 5000, 100_000])
def test_deep_nesting_is_refused(good, depth):
    file, *_ = good
    info, members = read_parts(file)
    opening = b'{"__loader__":"ListNode","__module__":"builtins","__class__":"list",'
    starts = (b'%b"__id__":%d,"content":[' % (opening, n) for n in range(1, depth + 1))
    nested = b"".join(starts) + b"]}" * depth
    members["schema.json"] = nested[:-1] + b',"protocol":2}'
    write_parts(file, info, members)
    with pytest.raises(ModelFileError, match=r"deep|RecursionError"):
        load_model(file)


def npy(header, content=b""):
    header = f"{header}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def array_header(descr, shape):
    return f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    "content",
    [
        npy(array_header("|O", (1,)), pickle.dumps([1])),
        npy(array_header("<f8", (10**15,)), bytes(80)),
        npy(array_header("<f8", (2**61, 2**61)), bytes(8)),
        npy(array_header("<f8", (-1,)), bytes(8)),
        npy(array_header("<U0", (10**15,))),
        npy(array_header([("a", "|O")], (1,)), bytes(8)),
        npy("__import__('os').system('false')"),
        npy("{" * 5000),
        npy("'''"),
        b"",
        b"PK\x03\x04" + bytes(60),
        b"\x93NUMPY\x09\x00" + bytes(60),
        pickle.dumps(np.zeros(3)),
    ],
    ids=range(13),
)
def test_arrays_that_are_not_what_they_claim_are_refused(content, good):
    file, *_ = good
    name = first_array(file)
    forge(file, lambda schema, members: members.update({name: content}))
    with pytest.raises(ModelFileError, match=rf"{name}|no model can be made"):
        load_model(file)


def write_zip(file, members, **options):
    with zipfile.ZipFile(file, "w", **options) as opened:
        for name, content in members:
            opened.writestr(name, content)


def test_zip_bombs_are_refused(good):
    file, *_ = good
    info, members = read_parts(file)
    zeros = bytes(200 << 20)
    packed = [("info.json", json.dumps(info)), *members.items(), ("99.npy", zeros)]
    write_zip(file, packed, compression=zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 1 << 20
    with pytest.raises(ModelFileError, match=r"'99\.npy' expands to more than"):
        load_model(file)


@pytest.mark.parametrize("name", ["info.json", "schema.json"])
def test_bombs_in_the_texts_are_refused(name, good, monkeypatch):
    file, *_ = good
    info, members = read_parts(file)
    packed = {"info.json": json.dumps(info).encode(), **members}
    packed[name] += b" " * (70 << 20)
    write_zip(file, packed.items(), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match=f"{name}' expands to more than"):
        load_model(file)


def test_size_counts_that_is_found_not_that_is_claimed(good):
    file, *_ = good
    info, members = read_parts(file)
    packed = [("info.json", json.dumps(info)), *members.items()]
    packed.append(("99.npy", bytes(20 << 20)))
    write_zip(file, packed, compression=zipfile.ZIP_DEFLATED)
    # In both headers: it claims to hold a hundred bytes.
    claimed = struct.pack("<L", 20 << 20)
    file.write_bytes(file.read_bytes().replace(claimed, struct.pack("<L", 100)))
    with pytest.raises(ModelFileError, match=r"damaged|expands"):
        load_model(file)


def test_members_that_overlap_are_refused(good):
    file, *_ = good
    info, members = read_parts(file)
    packed = [("info.json", json.dumps(info)), *members.items()]
    packed += [(f"{number}.npy", bytes(500)) for number in (98, 99)]
    write_zip(file, packed)
    content = bytearray(file.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    # The last member's content would be the whole file before it.
    struct.pack_into("<LL", content, entry + 20, len(content), len(content))
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match="take up more than the file"):
        load_model(file)


def test_number_of_members_is_bounded(good, monkeypatch):
    file, *_ = good
    monkeypatch.setattr(archive, "MAX_N_MEMBERS", 5)
    with pytest.raises(ModelFileError, match="members, expected at most 5"):
        load_model(file)


@pytest.mark.parametrize(
    "name", ["../evil.npy", "/etc/evil.npy", "C:\\evil.npy", "a/0.npy", "evil.pkl"]
)
def test_members_of_other_names_are_refused(name, good, tmp_path):
    file, *_ = good
    with zipfile.ZipFile(file, "a") as opened:
        opened.writestr(name, b"")
    with pytest.raises(ModelFileError, match=r"member .*(evil|a/0)"):
        load_model(file)
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_the_same_name_are_refused(good):
    file, *_ = good
    with zipfile.ZipFile(file, "a") as opened:
        opened.writestr(opened.namelist()[-1], b"")
    with pytest.raises(ModelFileError, match="have the same name"):
        load_model(file)


def test_other_compression_is_refused(good):
    file, *_ = good
    info, members = read_parts(file)
    packed = [("info.json", json.dumps(info)), *members.items()]
    write_zip(file, packed, compression=zipfile.ZIP_BZIP2)
    with pytest.raises(ModelFileError, match="cannot be decompressed"):
        load_model(file)


def test_info_of_another_form_is_refused(good):
    file, *_ = good
    info, members = read_parts(file)
    for changes in (
        *({"digest": None}, {"versions": []}, {"versions": {"skgenre": "\x1b[2J"}}),
        *({"classes": None}, {"format_version": None}, {"format_version": 0}),
        {"format_version": "2"},
    ):
        packed = {"info.json": json.dumps({**info, **changes}), **members}
        write_zip(file, packed.items())
        for read in (load_model, read_model_info):
            with pytest.raises(ModelFileError, match=r"its info\.json|checksum"):
                read(file)


def test_content_that_differs_from_its_checksum_is_refused(good):
    file, *_ = good
    info, members = read_parts(file)
    name = first_array(file)
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])
    write_zip(file, [("info.json", json.dumps(info)), *members.items()])
    with pytest.raises(ModelFileError, match="does not match its checksum"):
        load_model(file)


def test_what_is_no_file_of_a_model_is_refused(tmp_path):
    empty, text_file, pipe = (tmp_path / name for name in ("empty", "text", "pipe"))
    empty.touch()
    text_file.write_text("I am no model.", encoding="utf-8")
    os.mkfifo(pipe)
    for path, reason in [
        (empty, "it is empty"),
        (text_file, "not a model file"),
        (pipe, "not a regular file"),
        (tmp_path, "it is a directory"),
    ]:
        for read in (load_model, read_model_info):
            with pytest.raises(ModelFileError, match=f"{path.name}: .*{reason}"):
                read(path)


def test_truncated_files_are_refused(good):
    file, *_ = good
    content = file.read_bytes()
    for n_bytes in range(0, len(content), 97):
        file.write_bytes(content[:n_bytes])
        with pytest.raises(ModelFileError):
            load_model(file)


def mutate(content, rng):
    """A file with up to eight bytes changed, cut out, put in or copied."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        start = rng.randrange(len(content))
        stop = start + rng.choice([1, 1, 1, 4, 64])
        kind = rng.randrange(4)
        if kind == 0:
            content[start] ^= 1 << rng.randrange(8)
        elif kind == 1:
            content[start:stop] = rng.randbytes(len(content[start:stop]))
        elif kind == 2:
            del content[start:stop]
        else:
            content[start:start] = content[start:stop]
    return bytes(content)


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_refused_or_predict_alike(good):
    file, X, expected = good
    content, rng = file.read_bytes(), random.Random(SEED)
    n_refused = 0
    for _ in range(N_MUTATIONS):
        file.write_bytes(mutate(content, rng))
        try:
            loaded = load_model(file)
        except ModelFileError:
            n_refused += 1
        else:
            assert_array_equal(loaded.predict_proba(X), expected)
    assert n_refused > 0.8 * N_MUTATIONS


def test_hostile_settings_are_not_taken_over(made_tracks, file, tmp_path):
    model = make_model("dummy").fit(made_tracks.paths[::4], made_tracks.target[::4])
    save_model(model, file)

    def set_folder(schema, members):
        extractor = find(schema, "MFCCExtractor")["content"]["content"]
        extractor["cache_dir"] = text(str(tmp_path / "stolen"))
        extractor["n_jobs"] = text(1000)
        schema["content"]["content"]["memory"] = text(str(tmp_path / "stolen"))

    forge(file, set_folder)
    loaded = load_model(file)
    assert loaded[0].cache_dir is loaded[0].n_jobs is loaded.memory is None
    loaded.predict(made_tracks.paths[:1])
    assert not (tmp_path / "stolen").exists()


def test_a_hostile_folder_of_weights_is_not_taken_over(features, file):
    classifier = SegmentPoolingClassifier(LogisticRegression(max_iter=1000))
    save_model(make_pipeline(MusicnnEmbedding(), classifier.fit(*features)), file)

    def set_folder(schema, members):
        embedding = find(schema, "MusicnnEmbedding")["content"]["content"]
        # What else is None refers to this node, the first of them.
        embedding["n_jobs"] = embedding["weights_dir"]
        embedding["weights_dir"] = text("stolen")

    forge(file, set_folder)
    assert load_model(file)[0].weights_dir is None


def add_attribute(file, owner, name, value):
    """Give the first object of a class one attribute more."""

    def add(schema, members):
        attributes = find(schema, owner)["content"]
        if name not in attributes["content"]:
            keys = attributes["key_types"]["content"]
            keys.append(node("TypeNode", "builtins.str"))
        attributes["content"][name] = value

    forge(file, add)


@pytest.mark.parametrize("name", ["predict", "_parameter_constraints", "__class__"])
def test_replaced_attributes_of_a_class_are_refused(name, good):
    file, *_ = good
    add_attribute(file, "LogisticRegression", name, text(1))
    reason = rf"an attribute replaces LogisticRegression\.{name}"
    with pytest.raises(ModelFileError, match=reason):
        load_model(file)


def test_other_kind_of_machine_than_its_class_is_refused(features, file):
    save_model(make_pipeline(MEANS, SVC()).fit(*features), file)
    add_attribute(file, "SVC", "_impl", text("epsilon_svr"))
    with pytest.raises(ModelFileError, match=r"an attribute replaces SVC\._impl"):
        load_model(file)


@pytest.mark.parametrize(
    "name", ["skgenre.networks.build_mlp", "sklearn.feature_selection.chi2"]
)
def test_functions_on_the_list_are_not_called_from_elsewhere(name, features, file):
    model = make_pipeline(MEANS, FunctionTransformer(), LogisticRegression())
    save_model(model.fit(*features), file)
    add_attribute(file, "FunctionTransformer", "func", node("FunctionNode", name))
    with pytest.raises(ModelFileError, match=f"has {name} where it has no place"):
        load_model(file)


def test_objects_of_other_content_than_attributes_are_refused(good):
    file, *_ = good

    def replace(schema, members):
        find(schema, "LogisticRegression")["content"] = sequence("list")

    forge(file, replace)
    with pytest.raises(ModelFileError, match="LogisticRegression without attributes"):
        load_model(file)


def test_encoder_of_bins_is_never_the_files_own(features, file):
    bins = KBinsDiscretizer(3, strategy="uniform")
    model = make_pipeline(MEANS, bins, LogisticRegression()).fit(*features)
    save_model(model, file)
    assert find(json.loads(read_parts(file)[1]["schema.json"]), "OneHotEncoder") is None
    # A crafted one writes outside of the array that it fills.
    add_attribute(file, "KBinsDiscretizer", "_encoder", text("crafted"))
    X, _ = features
    assert_array_equal(load_model(file).predict_proba(X), model.predict_proba(X))


def test_probabilities_of_other_classes_than_there_are_are_refused(features, file):
    model = BaggingClassifier(GaussianNB(), 2)
    save_model(make_pipeline(MEANS, model).fit(*features), file)
    # Each row would have room for them.
    for number in (text(1 << 40), sequence("list", text(1 << 28))):
        add_attribute(file, "BaggingClassifier", "n_classes_", number)
        with pytest.raises(ModelFileError, match="do not fit together"):
            load_model(file)


def test_threads_are_never_as_many_as_the_file_says(features, file):
    model = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=2)
    save_model(make_pipeline(MEANS, model).fit(*features), file)
    add_attribute(file, "_BinMapper", "n_threads", text(1 << 30))
    assert load_model(file)[-1]._bin_mapper.n_threads is None


@pytest.mark.parametrize(
    ("model", "attribute"),
    [
        (BaggingClassifier(LogisticRegression(), 2), "n_classes_"),
        (RandomForestClassifier(2), "n_outputs_"),
    ],
)
def test_sizes_of_probabilities_are_those_of_the_classes(
    model, attribute, features, file
):
    save_model(make_pipeline(MEANS, model).fit(*features), file)

    def enlarge(schema, members):
        attributes = find(schema, type(model).__name__)["content"]["content"]
        attributes[attribute] = text(10**9)

    forge(file, enlarge)
    with pytest.raises(ModelFileError, match=r"do not fit together|of 3 classes"):
        load_model(file)


def test_votes_are_for_classes_that_there_are(features, file):
    voting = VotingClassifier([("logistic", LogisticRegression())])
    save_model(make_pipeline(MEANS, voting).fit(*features), file)

    def rename(schema, members):
        fitted = find(schema, "VotingClassifier")["content"]["content"]["estimators_"]
        labels = find(fitted, "LogisticRegression")["content"]["content"]["classes_"]
        members[labels["file"]] = npy(
            array_header("<i8", (1,)), struct.pack("<q", 10**9)
        )

    forge(file, rename)
    with pytest.raises(ModelFileError, match="LogisticRegression has labels above"):
        load_model(file)


def test_parameters_out_of_range_are_refused(features, file):
    model = MLPGenreClassifier(hidden_layer_sizes=(4,), epochs=1).fit(*features)
    save_model(model, file)

    def set_pooling(schema, members):
        schema["content"]["content"]["pooling"] = text("median of means")

    forge(file, set_pooling)
    with pytest.raises(ModelFileError, match="pooling must be one of"):
        load_model(file)


def edit_array(file, owner, name, change):
    """Change an array, found by the class of its owner and its name there."""

    def edit(schema, members):
        found = find(schema, owner)["content"]["content"][name]
        array = np.load(io.BytesIO(members[found["file"]]))
        buffer = io.BytesIO()
        np.save(buffer, change(array))
        members[found["file"]] = buffer.getvalue()

    forge(file, edit)


def set_nodes(field, value):
    def change(nodes):
        nodes[field][nodes["left_child"] != -1] = value
        return nodes

    return change


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("feature", 1 << 40),
        ("left_child", 1 << 40),
        ("right_child", 0),
        ("feature", -9),
    ],
)
def test_trees_that_lead_out_of_their_arrays_are_refused(field, value, features, file):
    forest = RandomForestClassifier(2, max_depth=2, random_state=0)
    save_model(make_pipeline(MEANS, forest).fit(*features), file)
    edit_array(file, "Tree", "nodes", set_nodes(field, value))
    with pytest.raises(ModelFileError, match="Tree do not fit"):
        load_model(file)


def test_tree_of_another_number_of_nodes_is_refused(features, file):
    forest = RandomForestClassifier(2, max_depth=2, random_state=0)
    save_model(make_pipeline(MEANS, forest).fit(*features), file)

    def claim(schema, members):
        find(schema, "Tree")["content"]["content"]["node_count"] = text(1)

    forge(file, claim)
    with pytest.raises(ModelFileError, match="Tree do not fit"):
        load_model(file)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("support_vectors_", lambda vectors: vectors[:1]),
        ("_n_support", lambda counts: counts + 1000),
        ("dual_coef_", lambda coefficients: coefficients[:, :1]),
        ("_intercept_", lambda intercepts: intercepts[:1]),
    ],
)
def test_machines_of_arrays_of_other_sizes_are_refused(name, change, features, file):
    save_model(make_pipeline(MEANS, SVC()).fit(*features), file)
    edit_array(file, "SVC", name, change)
    with pytest.raises(ModelFileError, match="SVC do not fit together"):
        load_model(file)


@pytest.mark.parametrize(
    ("name", "change"),
    [("_y", lambda y: y + (1 << 40)), ("_fit_X", lambda samples: samples[:2])],
)
def test_neighbours_of_no_class_are_refused(name, change, features, file):
    save_model(
        make_pipeline(TrackStatistics(), KNeighborsClassifier()).fit(*features), file
    )
    edit_array(file, "KNeighborsClassifier", name, change)
    with pytest.raises(ModelFileError, match="KNeighborsClassifier do not fit"):
        load_model(file)


def test_loading_a_damaged_file_leaves_no_warning_filter(good):
    file, *_ = good
    before = list(warnings.filters)
    forge(file, lambda schema, members: {**schema, "content": text(1)})
    with pytest.raises(ModelFileError):
        load_model(file)
    assert warnings.filters == before
