"""`.env.example` lists every setting with its meaning and default; run this file to print what it must hold."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from platform_assets.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
REGENERATE = "python -m tests.resources.test_env_example > .env.example"
HEADER = f"""\
# Every variable that Weir reads, with its default. Set one in the environment, or in the file weir.env of the home.
# Credentials of AWS are not among them: boto3 finds them itself (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role …).
# Made from platform_assets/settings.py by: {REGENERATE}
"""


def env_example() -> str:
    """The file, in the order and under the headings of the class Settings."""
    text = HEADER
    for line in inspect.getsource(Settings).splitlines():
        heading = re.fullmatch(r"    # (.+)", line)
        field = re.match(r"    (\w+): ", line)
        if heading:
            text += f"\n# --- {heading[1]} ---\n"
        elif field and field[1] in Settings.model_fields:
            info = Settings.model_fields[field[1]]
            text += f"\n# {info.description}\nWEIR_{field[1].upper()}={written(info.get_default(call_default_factory=True))}\n"
    return text


def written(value: Any) -> str:
    """A default as a shell and dotenv read it."""
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    text = json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
    return text if re.fullmatch(r"[\w./:-]*", text) else f"'{text}'"


def variables() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_setting_is_in_the_example_and_nothing_else_is() -> None:
    assert list(variables()) == [f"WEIR_{name.upper()}" for name in Settings.model_fields], REGENERATE


def test_the_example_sets_nothing_but_defaults(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(_env_file=EXAMPLE) == Settings()  # type: ignore[call-arg]


def test_each_setting_stands_below_its_description_and_its_group() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == env_example(), f"settings.py has changed; run {REGENERATE}"
    assert all(info.description for info in Settings.model_fields.values())
    assert env_example().count("\n# --- ") >= 2


if __name__ == "__main__":
    print(env_example(), end="")
