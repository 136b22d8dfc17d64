"""Files of models that were trained elsewhere: nothing of them runs, and what they hold is told in one sentence."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from weir_models import registry, saved_model
from weir_models.foreign import ForeignModelError, adapted, names_in_pickle, read_pickle, read_skops, untrusted_parts
from weir_models.imported import ImportedClassifier

pytestmark = pytest.mark.attack("models that were trained elsewhere")

SPEC = registry.spec("client_abuse")
INPUTS = ["request_count", "probe_path_request_count"]
MOST = 1 << 20
FRAME = pd.DataFrame({"request_count": [1.0, 2.0, 30.0, 40.0], "probe_path_request_count": [0.0, 0.0, 5.0, 6.0]})
LABELS = pd.Series([False, False, True, True])


def classifier() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, LABELS)


def test_a_classifier_gets_the_declared_outputs(tmp_path: Path) -> None:
    skops.io.dump(classifier(), tmp_path / "model.skops")
    model = adapted(read_skops(tmp_path / "model.skops", SPEC, MOST), SPEC, INPUTS)
    predicted = model.predict(FRAME.assign(other="x"))
    assert list(predicted) == ["abuse_probability", "is_abuse", "abuse_kind", "reason"]
    assert predicted["reason"].isna().all() and predicted["is_abuse"].tolist() == LABELS.tolist()
    assert np.allclose(predicted["abuse_probability"], classifier().predict_proba(FRAME)[:, 1])
    assert untrusted_parts(model, SPEC) == []
    loaded = saved_model.load_dir(saved_model.save_dir(model, tmp_path / "saved"))
    assert isinstance(loaded, ImportedClassifier) and loaded.predict(FRAME).equals(predicted)


def test_missing_texts_are_empty_and_categories_plain() -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import CountVectorizer

    texts = pd.DataFrame({"uri_query": ["union select", "", "union", "page"]})
    fitted = make_pipeline(make_column_transformer((CountVectorizer(), "uri_query")), LogisticRegression())
    fitted.fit(texts, [True, False, True, False])
    model = ImportedClassifier(fitted, ["uri_query"], "p", "f")
    given = pd.DataFrame({"uri_query": pd.Categorical(["union select", None, "union", "page"])})
    assert model.predict(given).equals(model.predict(texts))


@pytest.mark.parametrize(
    ("estimator", "inputs", "told"),
    [
        (Ridge().fit(FRAME, LABELS), INPUTS, "gives no probabilities of two classes"),
        ({"a": 1}, INPUTS, "gives no probabilities of two classes"),
        (classifier(), INPUTS[:1], "reads probe_path_request_count, which client_abuse is not given"),
        (LogisticRegression().fit(FRAME.to_numpy(), LABELS), INPUTS, "does not know the names of its inputs"),
        (LogisticRegression().fit(FRAME, ["no", "no", "yes", "yes"]), INPUTS, "The classes of the classifier are not"),
    ],
)
def test_what_does_not_fit_is_one_sentence(estimator: Any, inputs: list[str], told: str) -> None:
    with pytest.raises(ForeignModelError, match=told):
        adapted(estimator, SPEC, inputs)


def test_a_model_of_series_is_imported_as_its_own_class_alone() -> None:
    with pytest.raises(
        ForeignModelError, match=r"only weir_models\.predictive_scaling\.model\.PredictiveScaling can be"
    ):
        adapted(classifier(), registry.spec("predictive_scaling"), INPUTS)


def test_another_models_file_is_refused(tmp_path: Path) -> None:
    from weir_models import shipped

    file = shipped.folder_of("client_abuse") / shipped.MODEL
    with pytest.raises(ForeignModelError, match="import it as the model that it is"):
        read_skops(file, registry.spec("request_attack"), MOST)
    assert type(read_skops(file, SPEC, MOST)).__name__ == "ClientAbuse"


def test_functions_in_a_file_of_skops_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    skops.io.dump(make_pipeline(FunctionTransformer(os.system), LogisticRegression()), file)
    with pytest.raises(ForeignModelError, match=r"asks for \w+\.system"):
        read_skops(file, SPEC, MOST)


class Evil:
    """Its pickle creates a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def replaced(file: Path, change: Any) -> None:
    """Rewrite the members of a zip."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, change(name, content))


@pytest.mark.parametrize("place", ["an array", "the file itself"])
def test_a_pickle_in_a_file_of_skops_is_not_read(tmp_path: Path, place: str) -> None:
    file, made = tmp_path / "model.skops", tmp_path / "made"
    skops.io.dump(classifier(), file)
    if place == "an array":
        array = np.array([Evil(made)], dtype=object)
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        content = (tmp_path / "a.npy").read_bytes()
        replaced(file, lambda name, old: content if name.endswith(".npy") else old)
    else:
        file.write_bytes(pickle.dumps(Evil(made)))
    with pytest.raises(ForeignModelError, match=r"cannot be read|is no file of skops"):
        read_skops(file, SPEC, MOST)
    assert not made.exists()


def test_a_file_that_unpacks_to_too_much_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    skops.io.dump(classifier(), file)
    replaced(file, lambda name, old: bytes(MOST + 1) if name.endswith(".npy") else old)
    assert file.stat().st_size < MOST / 10
    with pytest.raises(ForeignModelError, match=r"and 1,048,576 are allowed for client_abuse"):
        read_skops(file, SPEC, MOST)


def test_a_pickle_is_read_only_with_every_name(tmp_path: Path) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps(classifier()))
    names = names_in_pickle(file)
    assert "sklearn.pipeline.Pipeline" in names
    with pytest.raises(ForeignModelError, match="is a pickle, which runs code") as refused:
        read_pickle(file, names[:-1])
    assert f'--allow-pickle "{names[-1]}"' in str(refused.value)
    assert np.allclose(read_pickle(file, names).predict_proba(FRAME), classifier().predict_proba(FRAME))


@pytest.mark.parametrize(
    ("name", "called"),
    [("mkdir", "posix.mkdir"), ("eval", "builtins.eval"), ("getattr", "builtins.getattr"), ("memmap", "numpy.memmap")],
)
def test_no_name_allows_a_program(tmp_path: Path, name: str, called: str) -> None:
    file = tmp_path / "model.pkl"
    module, _, attribute = called.rpartition(".")
    file.write_bytes(f"c{module}\n{attribute}\n(S'{tmp_path}/made'\ntR.".encode())
    with pytest.raises(ForeignModelError, match=f"would call {called}, which is never run"):
        read_pickle(file, [called])
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x05.", b"(" * 100_000, b"r\xff\xff\xff\xff."])
def test_a_damaged_pickle_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pkl").write_bytes(content)
    with pytest.raises(ForeignModelError, match="is no pickle that can be read"):
        read_pickle(tmp_path / "model.pkl", [])


def ensembles() -> list[Any]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.neural_network import MLPClassifier
    from sklearn.tree import DecisionTreeClassifier

    return [
        RandomForestClassifier(3, random_state=0),
        ExtraTreesClassifier(3, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=1, random_state=0),
        DecisionTreeClassifier(random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
        CalibratedClassifierCV(RandomForestClassifier(3, random_state=0), cv=2),
        MLPClassifier((3,), max_iter=2000, random_state=0),
    ]


MANY = pd.DataFrame(np.random.default_rng(0).random((60, 2)) * 50, columns=INPUTS)


@pytest.mark.parametrize("estimator", ensembles(), ids=lambda one: type(one).__name__)
def test_ensembles_are_read_and_served(tmp_path: Path, estimator: Any) -> None:
    estimator.fit(MANY, MANY["probe_path_request_count"] > 20)
    skops.io.dump(estimator, tmp_path / "model.skops")
    model = adapted(read_skops(tmp_path / "model.skops", SPEC, MOST), SPEC, INPUTS)
    assert np.allclose(model.predict(MANY)["abuse_probability"], estimator.predict_proba(MANY)[:, 1])
    assert untrusted_parts(model, SPEC) == []
    loaded = saved_model.load_dir(saved_model.save_dir(model, tmp_path / "saved"))
    assert loaded.predict(MANY).equals(model.predict(MANY))


def forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(3, random_state=0).fit(MANY, MANY["probe_path_request_count"] > 20)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("left_child", 1_000_000, "leads out of itself or back"),
        ("right_child", 0, "leads out of itself or back"),
        ("left_child", -7, "leads out of itself or back"),
        ("feature", 50, "reads a column that it is not given"),
        ("feature", -3, "reads a column that it is not given"),
    ],
)
def test_a_tree_that_leads_elsewhere_is_refused(tmp_path: Path, field: str, value: int, told: str) -> None:
    estimator = forest()
    tree = estimator.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    skops.io.dump(estimator, tmp_path / "model.skops")
    with pytest.raises(ForeignModelError, match=told):
        adapted(read_skops(tmp_path / "model.skops", SPEC, MOST), SPEC, INPUTS)


def test_a_boosted_tree_that_leads_elsewhere_is_refused() -> None:
    estimator = ensembles()[3].fit(MANY, MANY["probe_path_request_count"] > 20)
    nodes = estimator._predictors[1][0].nodes
    for field, value, told in (
        ("left", 9_999, "leads out"),
        ("feature_idx", 9, "is not given"),
        ("is_categorical", 1, "categories"),
    ):
        kept = nodes[field][0]
        nodes[field][0] = value
        with pytest.raises(ForeignModelError, match=told):
            adapted(estimator, SPEC, INPUTS)
        nodes[field][0] = kept
    adapted(estimator, SPEC, INPUTS)


def test_a_narrower_ensemble_than_its_trees_is_refused() -> None:
    estimator = forest()
    estimator.estimators_[0].n_features_in_ = 1
    with pytest.raises(ForeignModelError, match="reads a column that it is not given"):
        adapted(estimator, SPEC, INPUTS)


def test_parts_of_foreign_models_are_trusted_in_them_alone() -> None:
    tree = "sklearn.tree._tree.Tree"
    assert registry.trusted_types([tree, "weir_models.client_abuse.model.ClientAbuse"]) == [
        "weir_models.client_abuse.model.ClientAbuse"
    ]
    assert registry.trusted_types([tree, registry.IMPORTED, "os.system"]) == [tree, registry.IMPORTED]
