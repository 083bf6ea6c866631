import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skgenre import MLPGenreClassifier, make_model
from skgenre.cli import arguments
from skgenre.features import list_extractors
from skgenre.models import MODEL_NAMES, PRETRAINED_NAMES
from skgenre.pretrained import MODELS


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_leads_from_paths_to_genres(name):
    model = make_model(name)
    assert list_extractors(model[0])
    assert clone(model).get_params().keys() == model.get_params().keys()


def test_presets_are_the_papers_networks():
    defaults = MLPGenreClassifier().get_params()
    assert make_model("mlp")[-1].get_params() == defaults
    assert make_model("mlp-regularized")[-1].get_params() == {
        **defaults,
        "l2": 0.001,
        "dropout": 0.3,
    }
    for name in ("mlp", "cnn", "lstm"):
        network = make_model(name)[-1]
        assert (network.learning_rate, network.batch_size) == (1e-4, 32)
        assert (network.epochs, network.dense_units if name != "mlp" else 64) == (
            50,
            64,
        )


def test_classical_models_are_those_named():
    assert isinstance(make_model("logistic")[-1], LogisticRegression)
    assert make_model("svm")[-1].get_params()["kernel"] == SVC().kernel == "rbf"
    assert isinstance(make_model("knn")[-1], KNeighborsClassifier)


def test_parameters_go_to_the_step_that_has_them():
    model = make_model("svm", C=3.0, n_mfcc=20, mfccextractor__n_jobs=2)
    assert (model[-1].C, model[0].n_mfcc, model[0].n_jobs) == (3.0, 20, 2)


def test_command_line_knows_the_models():
    assert arguments.MODEL_NAMES == MODEL_NAMES
    assert {*MODEL_NAMES} - {*arguments.DEFAULT_NAMES} == {"dummy", *PRETRAINED_NAMES}
    assert arguments.PRETRAINED_NAMES == MODELS


def test_embedding_predicts_from_paths(made_tracks, musicnn_folder):
    model = make_model("embedding", n_segments=1, weights_dir=musicnn_folder)
    model.fit(made_tracks.paths, made_tracks.target)
    assert model.score(made_tracks.paths, made_tracks.target) == 1
    names = model[0].get_feature_names_out()
    assert [names[0], names[200]] == ["embedding__penultimate0", "mfcc__mfcc0_mean"]


def test_keras_head_predicts_from_paths(made_tracks, musicnn_folder):
    parameters = {"n_segments": 1, "weights_dir": musicnn_folder, "random_state": 0}
    model = make_model("embedding-mlp", **parameters)
    model.fit(made_tracks.paths, made_tracks.target)
    assert model.score(made_tracks.paths, made_tracks.target) > 0.8


def test_missing_weights_are_an_error_with_the_line_to_type(made_tracks, tmp_path):
    model = make_model("embedding", weights_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="To get them: "):
        model.fit(made_tracks.paths, made_tracks.target)


def test_parameter_of_a_steps_extractors_is_set_in_all_of_them():
    model = make_model("embedding", cache_dir="features", n_jobs=2, n_segments=5)
    (_, embedding), (_, mfcc) = model[0].transformer_list
    for extractor in (embedding, mfcc[0]):
        assert (extractor.cache_dir, extractor.n_jobs) == ("features", 2)
        assert extractor.n_segments == 5
    assert model[0].n_jobs is None


def test_parameter_that_one_part_has_needs_no_steps_name():
    model = make_model("embedding", model="MSD_musicnn", n_mfcc=20, C=2.0)
    (_, embedding), (_, mfcc) = model[0].transformer_list
    assert (embedding.model, mfcc[0].n_mfcc) == ("MSD_musicnn", 20)
    assert model[-1].estimator[-1].C == 2.0


def test_parameter_of_several_steps_needs_the_steps_name():
    with pytest.raises(
        ValueError, match="several steps: use one of mfccextractor__n_j"
    ):
        make_model("forest", n_jobs=2)


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match=r"name must be one of 'mlp'.*got 'vgg'"):
        make_model("vgg")
    with pytest.raises(ValueError, match=r"'depth' is not a parameter .*n_estimators"):
        make_model("forest", depth=3)
