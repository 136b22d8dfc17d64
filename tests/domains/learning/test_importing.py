"""Import of a model, step by step: what is fetched, declared, signed and stated, and what is refused in one sentence."""

from __future__ import annotations

import json
import os
import pickle
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.core.domain import tables
from platform_assets.domains.learning import importing
from platform_assets.domains.learning.import_source import MOST_FILES, ImportModelError, found
from platform_assets.settings import Settings
from platform_assets.training.sets import training_sets
from weir_models import registry, shipped

pytestmark = pytest.mark.attack("models that were trained elsewhere")

SPEC = registry.spec("client_abuse")
TRAINING = training_sets()["client_abuse"]
MOST = 1 << 20
MODEL = shipped.folder_of("client_abuse") / shipped.MODEL


def mlflow_folder(folder: Path, name: str = "model.skops", format: str = "skops", **more: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.skops").write_bytes(MODEL.read_bytes())
    flavor = {"pickled_model": name, "serialization_format": format, **more.pop("flavor", {})}
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"sklearn": flavor}, **more}))  # JSON is YAML
    return folder


def target(tmp_path: Path) -> Path:
    folder = tmp_path / "to"
    folder.mkdir()
    return folder


def test_a_file_folder_and_archive_are_found(home: Settings, tmp_path: Path) -> None:
    folder = mlflow_folder(tmp_path / "m", signature={"inputs": '[{"name": "a", "type": "long"}]'})
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"m/{path.name}")
    for number, source in enumerate([MODEL, folder, tmp_path / "m.zip", f"file://{folder}"]):
        to = tmp_path / str(number)
        to.mkdir()
        one = found(home, str(source), to, MOST)
        assert one.format == "skops" and one.file.read_bytes() == MODEL.read_bytes() and len(one.sha256) == 64
        assert one.file.is_relative_to(to), "what is checked is our own copy"
        assert bool(one.signature) == (source is not MODEL)


def link_out(folder: Path) -> None:
    mlflow_folder(folder)
    (folder / "weights.bin").symlink_to("/etc/hostname")


def link_of_folder(folder: Path) -> None:
    mlflow_folder(folder)
    (folder / "data").symlink_to("/etc")


def pipe(folder: Path) -> None:
    mlflow_folder(folder)
    os.mkfifo(folder / "pipe")


def many_files(folder: Path) -> None:
    mlflow_folder(folder)
    for number in range(MOST_FILES + 1):
        (folder / f"{number}.txt").touch()


def huge(folder: Path) -> None:
    mlflow_folder(folder)
    with (folder / "weights.bin").open("wb") as file:
        file.truncate(MOST * 1000)


def two(folder: Path) -> None:
    folder.mkdir()
    for name in ("a.skops", "b.skops"):
        (folder / name).write_bytes(MODEL.read_bytes())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (link_out, "holds the link 'weights.bin'"),
        (link_of_folder, "holds the link 'data'"),
        (pipe, "holds 'pipe', which is no file"),
        (many_files, "holds more than 1,000 files"),
        (huge, r"bytes or more, and 1,048,576 are allowed"),
        (two, "2 files of a model instead of one"),
        (lambda folder: mlflow_folder(folder, "../../etc/passwd"), "names '../../etc/passwd', which is no file in it"),
        (lambda folder: mlflow_folder(folder, "/etc/passwd"), "names '/etc/passwd', which is no file in it"),
        (lambda folder: mlflow_folder(folder, flavor={"code": "code"}), "brings code of its own, which is never run"),
        (lambda folder: mlflow_folder(folder, flavors={"pytorch": {}}), "has no flavor sklearn but pytorch"),
        (lambda folder: mlflow_folder(folder, signature={"inputs": "{}"}), "its signature is no list of columns"),
        (lambda folder: (mlflow_folder(folder) / "MLmodel").write_text("{"), "The MLmodel of .* cannot be read"),
        (
            lambda folder: (mlflow_folder(folder) / "MLmodel").write_text("!!python/object/apply:os.mkdir [x]"),
            "MLmodel",
        ),
        (lambda folder: folder.mkdir(), "and 0 files of a model instead of one"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(
    home: Settings, tmp_path: Path, make: Callable[[Path], Any], told: str
) -> None:
    make(tmp_path / "m")
    with pytest.raises(ImportModelError, match=told):
        found(home, str(tmp_path / "m"), target(tmp_path), MOST)


@pytest.mark.parametrize(
    "name", ["../out.skops", "/tmp/out.skops", "..\\out.skops", "a/../../out.skops", "C:\\out.skops"]
)
def test_an_archive_writes_nothing_outside(home: Settings, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("model.skops", MODEL.read_bytes())
        archive.writestr(name, "x")
    with pytest.raises(ImportModelError, match="which leads out of it; it is not unpacked"):
        found(home, str(tmp_path / "m.zip"), target(tmp_path), MOST)
    assert not any((tmp_path / "to").iterdir()) and not (tmp_path / "out.skops").exists()


def test_links_and_bombs_in_an_archive_are_refused(home: Settings, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ImportModelError, match="holds the link 'link'"):
        found(home, str(tmp_path / "m.zip"), target(tmp_path), MOST)
    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.skops", bytes(MOST + 1))
    with pytest.raises(ImportModelError, match="are allowed; fit a smaller model"):
        found(home, str(tmp_path / "m.zip"), tmp_path / "to", MOST)
    assert not any((tmp_path / "to").iterdir())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("model.onnx", "no onnxruntime is among Weir's requirements"),
        ("model.joblib", "is none of .skops, .pkl, an MLflow folder or its .zip"),
        ("model.zip", "is none of .skops"),
    ],
)
def test_a_file_of_another_format_is_refused(home: Settings, tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ImportModelError, match=told):
        found(home, str(tmp_path / name), target(tmp_path), MOST)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("/nowhere/model.skops", r"cannot be read \(No such file or directory\)"),
        ("https://example.org/model.skops", "is not read from there; download it"),
        ("/dev/null", "is neither a file nor a folder"),
    ],
)
def test_a_source_that_is_not_read_is_one_sentence(home: Settings, tmp_path: Path, source: str, told: str) -> None:
    with pytest.raises(ImportModelError, match=told):
        found(home, source, target(tmp_path), MOST)


def test_a_signature_is_that_of_the_specification() -> None:
    def check(**sides: list[dict[str, str]]) -> None:
        importing.check_signature(sides, SPEC, TRAINING.inputs, TRAINING.table)

    number = TRAINING.inputs[1]
    check(
        inputs=[{"name": number, "type": "double"}, {"name": "client_kind", "type": "string"}],
        outputs=[{"name": "abuse_probability", "type": "double"}, {"name": "is_abuse", "type": "boolean"}],
    )
    check(outputs=[{"type": "tensor"}])
    with pytest.raises(ImportModelError, match="has the input 'salary', which client_abuse is not given"):
        check(inputs=[{"name": "salary", "type": "double"}])
    with pytest.raises(ImportModelError, match=f"takes {number} for string, and it is int64"):
        check(inputs=[{"name": number, "type": "string"}])
    with pytest.raises(ImportModelError, match="has no output is_abuse"):
        check(outputs=[{"name": "abuse_probability", "type": "double"}])


def test_every_declared_column_is_in_the_tables() -> None:
    for spec in registry.specs().values():
        importing.check_declared(spec, tables())
    with pytest.raises(ImportModelError, match="features/cloudfront/client_daily has no column altitude"):
        importing.check_declared(
            replace(SPEC, inputs={"features/cloudfront/client_daily": ("client_kind", "altitude")}), tables()
        )


def test_predictions_are_those_of_the_example() -> None:
    candidate = shipped.read("client_abuse")
    rows, learning = candidate.input_example, SPEC.learning
    assert learning is not None
    stated = rows.join(candidate.model.predict(rows)[["abuse_probability", "is_abuse"]])
    told = importing.check_parity(candidate.model, stated, TRAINING.inputs, learning)
    assert told == f"abuse_probability and is_abuse are those of the example in {len(rows)} rows"
    stated.iloc[2, stated.columns.get_loc("abuse_probability")] += 0.01
    with pytest.raises(
        ImportModelError, match=r"In 1 row of \d+ of the example abuse_probability is another, first in row 3"
    ):
        importing.check_parity(candidate.model, stated, TRAINING.inputs, learning)
    with pytest.raises(ImportModelError, match="states no abuse_probability"):
        importing.check_parity(candidate.model, rows, TRAINING.inputs, learning)
    with pytest.raises(ImportModelError, match="lacks the input day_request_count"):
        importing.check_parity(candidate.model, stated.drop(columns="day_request_count"), TRAINING.inputs, learning)


def test_an_example_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    for name, content, told in [
        ("e.txt", "", "is neither"), ("e.csv", "", "cannot be read"), ("e.csv", "a,b\n", "holds no rows"),
        ("e.parquet", "x", "cannot be read"), ("e.jsonl", "{", "cannot be read"),
    ]:  # fmt: skip
        (tmp_path / name).write_text(content)
        with pytest.raises(ImportModelError, match=told):
            importing.read_example(tmp_path / name)
    with pytest.raises(ImportModelError, match="cannot be read"):
        importing.read_example(tmp_path / "missing.csv")


class Odd:
    """Predicts what it was told to."""

    def __init__(self, predicted: Any) -> None:
        self.predicted = predicted

    def predict(self, frame: pd.DataFrame) -> Any:
        if isinstance(self.predicted, Exception):
            raise self.predicted
        return self.predicted


@pytest.mark.parametrize(
    ("predicted", "told"),
    [
        (KeyError("x"), r"fails at examples of client_abuse \(KeyError: 'x'\)"),
        (pd.DataFrame({"abuse_probability": [0.5]}), "predicts no is_abuse, which client_abuse needs"),
        (pd.DataFrame({"abuse_probability": [float("nan")], "is_abuse": [True]}), "with no finite number"),
        ([1.0], "predicts no abuse_probability, is_abuse"),
    ],
)
def test_outputs_are_those_that_are_declared(predicted: Any, told: str) -> None:
    with pytest.raises(ImportModelError, match=told):
        importing.check_outputs(Odd(predicted), pd.DataFrame({"a": [1]}), SPEC)


@pytest.mark.slow
def test_an_imported_model_is_a_candidate_and_serves_nobody(home: Settings, tmp_path: Path, monkeypatch: Any) -> None:
    from platform_assets.clients.model_registry import ModelRegistry
    from platform_assets.releases.record import Releases
    from platform_assets.releases.standing import CANDIDATE, RETIRED
    from weir_models.request_attack import corpus

    generate, name = corpus.generate, "request_attack"
    monkeypatch.setattr(corpus, "generate", lambda seed: generate(seed, 3_000))
    candidate = shipped.read(name)
    example = candidate.input_example.join(candidate.model.predict(candidate.input_example))
    example.to_parquet(tmp_path / "example.parquet")

    def weir(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["model", "import", *arguments, "--home", str(home.home)])

    source = str(shipped.folder_of(name) / shipped.MODEL)
    done = weir(source, "--as", name, "--example", str(tmp_path / "example.parquet"))
    assert done.exit_code == 0, done.output + str(done.exception)
    assert "request_attack version 1 is a candidate" in done.output and "are those of the example" in done.output
    standing = Releases.of(home).standing(name)
    assert standing.states == {"1": CANDIDATE} and standing.champion is None
    assert ModelRegistry.of(home).champion(name) is None
    tags = ModelRegistry.of(home).version(name, "1").tags
    assert tags["origin"] == "imported" and len(tags["source_sha256"]) == 64
    assert "version 1 of request_attack already (candidate)" in str(weir(source, "--as", name).exception)
    again = weir(f"models:/{name}/1", "--as", name)
    assert again.exit_code == 0 and "version 2 is a candidate" in again.output, again.output + str(again.exception)
    assert "there is no model nothing" in str(weir(source, "--as", "nothing").exception)
    assert "import it as the model that it is" in str(weir(source, "--as", "client_abuse").exception)
    assert "MLflow at" in str(weir("models:/request_attack/99", "--as", name).exception)

    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = corpus.generate(1).fillna("").head(400)
    poor = make_pipeline(make_column_transformer((CountVectorizer(max_features=5), "uri_query")), LogisticRegression())
    (tmp_path / "poor.pkl").write_bytes(pickle.dumps(poor.fit(rows[["uri_query"]], rows["is_attack"])))
    refused = weir(str(tmp_path / "poor.pkl"), "--as", name)
    names = str(refused.exception).partition('--allow-pickle "')[2].partition('"')[0]
    assert "sklearn.pipeline.Pipeline" in names.split()
    failed = weir(str(tmp_path / "poor.pkl"), "--as", name, "--allow-pickle", names)
    assert failed.exit_code == 4 and "failed its gate and is retired" in failed.output, failed.output
    assert Releases.of(home).standing(name).state_of("3") == RETIRED
    skops.io.dump(poor, tmp_path / "poor.skops")
    assert not list(home.home.glob("import-*")), "nothing stays of what was fetched"


@pytest.mark.slow
def test_a_folder_that_mlflow_wrote_is_read(home: Settings, tmp_path: Path) -> None:
    import mlflow
    import numpy as np
    from mlflow.models import infer_signature
    from sklearn.ensemble import HistGradientBoostingClassifier

    from weir_models import foreign

    rows = shipped.read("client_abuse").input_example[["day_request_count", "day_probe_path_request_count"]]
    labels = np.arange(len(rows)) % 2 == 0
    fitted = HistGradientBoostingClassifier(max_iter=5).fit(rows, labels)
    for format, read in (("skops", None), ("cloudpickle", "names"), ("pickle", "names")):
        folder = tmp_path / format
        mlflow.sklearn.save_model(
            fitted, str(folder), serialization_format=format, signature=infer_signature(rows, fitted.predict(rows)),
            skops_trusted_types=["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"],
        )  # fmt: skip
        to = tmp_path / f"to-{format}"
        to.mkdir()
        one = found(home, str(folder), to, MOST)
        assert [column["name"] for column in one.signature["inputs"]] == list(rows)
        importing.check_signature(one.signature, SPEC, TRAINING.inputs, TRAINING.table)
        if read:
            estimator = foreign.read_pickle(one.file, foreign.names_in_pickle(one.file))
        else:
            estimator = foreign.read_skops(one.file, SPEC, MOST)
        model = foreign.adapted(estimator, SPEC, TRAINING.inputs)
        assert np.allclose(model.predict(rows)["abuse_probability"], fitted.predict_proba(rows)[:, 1])
        assert foreign.untrusted_parts(model, SPEC) == []


@pytest.mark.slow
def test_a_model_on_s3_is_copied_within_its_bounds(home: Settings, moto_endpoint: str, tmp_path: Path) -> None:
    import boto3

    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="models")
    for path in mlflow_folder(tmp_path / "m").iterdir():
        s3.put_object(Bucket="models", Key=f"abuse/3/{path.name}", Body=path.read_bytes())
    s3.put_object(Bucket="models", Key="large/model.skops", Body=bytes(MOST + 1))
    settings = home.model_copy(update={"s3_endpoint_url": moto_endpoint, "aws_region": "us-east-1"})
    for number, source in enumerate(["s3://models/abuse/3", "s3://models/abuse/3/", "s3://models/abuse/3/model.skops"]):
        to = tmp_path / str(number)
        to.mkdir()
        assert found(settings, source, to, MOST).file.read_bytes() == MODEL.read_bytes()
    to = target(tmp_path)
    with pytest.raises(ImportModelError, match="are allowed; fit a smaller model"):
        found(settings, "s3://models/large", to, MOST)
    for source in ("s3://models/nothing", "s3://nowhere/abuse"):
        with pytest.raises(ImportModelError, match=r"s3://\w+/\w+ (cannot be read|holds no MLmodel)"):
            found(settings, source, to, MOST)
    assert not any(to.iterdir())


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_one_sentence(home: Settings, tmp_path: Path, seed: int) -> None:
    import random

    from weir_models import foreign

    chance, content = random.Random(seed), bytearray(MODEL.read_bytes())
    for _ in range(chance.choice([1, 5, 50])):
        content[chance.randrange(len(content))] = chance.randrange(256)
    if seed % 4 == 0:
        del content[chance.randrange(len(content)) :]
    file = tmp_path / "model.skops"
    file.write_bytes(bytes(content))
    try:
        model = foreign.adapted(foreign.read_skops(file, SPEC, MOST), SPEC, TRAINING.inputs)
        importing.check_outputs(model, shipped.read("client_abuse").input_example, SPEC)
    except (foreign.ForeignModelError, ImportModelError) as error:
        assert len(str(error).splitlines()) == 1
