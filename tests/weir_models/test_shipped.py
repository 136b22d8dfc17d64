"""The champions that come with the package: whole, small, of the code as it is, and the same bytes for the same model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from weir_models import cards, fingerprint, registry, saved_model, shipped

SHIPPED = [name for name in registry.names() if shipped.is_there(name)]
MOST_BYTES = 400_000
"""Of all shipped champions together."""


def test_they_are_small() -> None:
    files = [path for name in SHIPPED for path in shipped.folder_of(name).rglob("*") if path.is_file()]
    assert 0 < sum(path.stat().st_size for path in files) < MOST_BYTES


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_champion_is_whole_and_passes_its_gate(name: str) -> None:
    candidate, spec, folder = shipped.read(name), registry.spec(name), shipped.folder_of(name)
    assert all(gate.holds(candidate.evaluation.figures) for gate in spec.gates)
    card = cards.write_card(registry.card_template(name), spec, candidate.evaluation, candidate.tags)
    assert card == (folder / "card.md").read_text(encoding="utf-8"), "registering it writes the card that it came with"
    assert shipped.recipe(name).code_fingerprint in card and "not recorded" not in card
    assert shipped.manifest(name)["gates"] == [gate.sentence(candidate.evaluation.figures) for gate in spec.gates]
    assert len(candidate.model.predict(candidate.input_example)) == len(candidate.input_example)
    assert set(candidate.baseline["column"]) == set(candidate.input_example)
    assert all(image.startswith(b"\x89PNG") for image in candidate.evaluation.plots.values())


@pytest.mark.parametrize("change", ["changed", "absent", "added", "no manifest"])
def test_changed_files_are_refused(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "champion"
    shutil.copytree(shipped.folder_of("request_attack"), folder)
    monkeypatch.setattr(shipped, "folder_of", lambda name: folder)
    shipped.read("request_attack")
    if change == "changed":
        content = bytearray((folder / shipped.MODEL).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / shipped.MODEL).write_bytes(content)
    elif change == "added":
        (folder / "more.skops").write_bytes(b"")
    else:
        (folder / (shipped.MANIFEST if change == "no manifest" else "card.md")).unlink()
    with pytest.raises(shipped.ShippedError, match=r"; install Weir again\.$") as refused:
        shipped.read("request_attack")
    assert refused.value.exit_code == 5


def test_equal_models_have_equal_bytes(tmp_path: Path) -> None:
    import skops.io

    original = shipped.read("client_abuse")
    found = []
    for number in range(2):
        again = saved_model.load_dir(shipped.folder_of("client_abuse"))
        spare = [np.arange(number + 3.0)]  # moves what is made next to another address
        file = tmp_path / str(number) / "model.skops"
        file.parent.mkdir()
        skops.io.dump(again, file)
        shipped.write_same_bytes(file)
        found.append(file.read_bytes())
        rows = original.input_example
        assert saved_model.load_dir(file.parent).predict(rows).equals(original.model.predict(rows)), len(spare)
    assert found[0] == found[1] == (shipped.folder_of("client_abuse") / shipped.MODEL).read_bytes()


def test_no_file_holds_a_path_or_a_time(tmp_path: Path) -> None:
    for name in SHIPPED:
        tags = json.dumps(shipped.manifest(name)["tags"])
        assert "/tmp" not in tags and "dagster_run" not in tags and "git_revision" not in tags


CODE = '"""Doc."""\n\nimport os\n\n\ndef f(x: int) -> str:\n    """More."""\n    return f"{x!r} {os.sep}"\n'


@pytest.mark.parametrize(
    ("text", "is_equal"),
    [
        (CODE.replace("More", "Less"), True),
        (CODE.replace("import os\n", "import os  # for its separator\n"), True),
        (CODE.replace("    return", "\n    return"), True),
        (CODE.replace("!r", ""), False),
        (CODE.replace("x: int", "x: float"), False),
        (CODE + "\n\nLIMIT = None\n", False),
    ],
)
def test_a_fingerprint_is_of_what_code_does(text: str, is_equal: bool) -> None:
    assert (fingerprint.of_texts({"a.py": text}) == fingerprint.of_texts({"a.py": CODE})) is is_equal


def test_a_fingerprint_covers_names_and_shared_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert fingerprint.of_texts({"a.py": CODE}) != fingerprint.of_texts({"b.py": CODE})
    before = fingerprint.of_model("client_abuse"), fingerprint.of_model("anomaly_detection")
    package = tmp_path / "weir_models"
    shutil.copytree(Path(str(registry.HERE)), package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(registry, "HERE", package)
    assert before == (fingerprint.of_model("client_abuse"), fingerprint.of_model("anomaly_detection"))
    with (package / "calibration.py").open("a") as file:
        file.write("\nMORE = 1\n")
    assert fingerprint.of_model("client_abuse") != before[0]
    assert fingerprint.of_model("anomaly_detection") == before[1], "which does not import calibration"
