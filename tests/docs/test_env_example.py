"""`.env.example` lists every setting with its meaning and default; run this file to print what it must hold."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from platform_assets.core.sections import Section
from platform_assets.settings import CoreSettings, load_settings, sections
from platform_assets.settings import variables as setting_variables

EXAMPLE = Path(__file__).parents[2] / ".env.example"
REGENERATE = "python -m tests.docs.test_env_example > .env.example"
HEADER = f"""\
# Every variable that Weir reads, with its default. Set one in the environment, or in the file weir.env of the home.
# Credentials of AWS are not among them: boto3 finds them itself (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role …).
# Made from platform_assets/settings.py by: {REGENERATE}
"""


def env_example() -> str:
    """The file: the settings of no domain under their headings, then the sections of the domains."""
    text = HEADER
    for line in inspect.getsource(CoreSettings).splitlines():
        heading = re.fullmatch(r"    # (.+)", line)
        field = re.match(r"    (\w+): ", line)
        if heading:
            text += f"\n# --- {heading[1]} ---\n"
        elif field and field[1] in CoreSettings.model_fields:
            text += entry(CoreSettings, field[1])
    for kind in sections().values():
        text += f"\n# --- {(kind.__doc__ or '').strip().rstrip('.')} ---\n"
        text += "".join(entry(kind, name) for name in kind.model_fields)
    return text


def kinds() -> tuple[type[Section], ...]:
    """The settings of no domain, and the section of each domain."""
    return (CoreSettings, *sections().values())


def entry(kind: type[Section], name: str) -> str:
    field = kind.model_fields[name]
    return (
        f"\n# {field.description}\n{kind.variables()[name]}={written(field.get_default(call_default_factory=True))}\n"
    )


def written(value: Any) -> str:
    """A default as a shell and dotenv read it."""
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    text = json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
    return text if re.fullmatch(r"[\w./:-]*", text) else f"'{text}'"


def variables() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_setting_is_in_the_example_and_nothing_else_is() -> None:
    assert list(variables()) == list(setting_variables().values()), REGENERATE


def test_the_example_sets_nothing_but_defaults(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weir.env").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_settings(tmp_path) == load_settings(tmp_path).model_copy(update={"home": tmp_path})
    for kind in kinds():
        assert kind(_env_file=EXAMPLE) == kind()  # type: ignore[call-arg]


def test_each_setting_stands_below_its_description_and_its_group() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == env_example(), f"settings.py has changed; run {REGENERATE}"
    for kind in kinds():
        assert all(field.description for field in kind.model_fields.values())
    assert env_example().count("\n# --- ") >= 2


if __name__ == "__main__":
    print(env_example(), end="")
