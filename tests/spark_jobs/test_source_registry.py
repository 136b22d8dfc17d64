"""A folder of sources that is not a whole source is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_jobs import registry


def test_an_incomplete_source_folder_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "tides"
    folder.mkdir()
    for name in registry.REQUIRED_FILES:
        (folder / name).touch()
    registry.require_complete(folder)
    (folder / "ledger.py").unlink()
    with pytest.raises(registry.RegistryError) as error:
        registry.require_complete(folder)
    assert str(error.value) == "The source tides lacks ledger.py; add them or remove the folder."
