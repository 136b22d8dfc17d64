"""Text of strangers acts in no medium: terminal, chat, Markdown, CSV; and no writer goes around the functions."""

from __future__ import annotations

import ast
import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest

from platform_assets.core.console import console_of
from platform_assets.core.escape import fenced, for_chat, for_csv, for_markdown, for_terminal
from platform_assets.outputs.file_formats import FORMATS

pytestmark = pytest.mark.attack("text of strangers in terminal, chat, page, file")

ROOT = Path(__file__).parents[2] / "platform_assets"
HOSTILE = [
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[1;1H",
    "\x9b31m",
    "a\rb",
    "a\nweir: all is well",
    "\u202egpj.exe",
    "\u2066a\u2069",
    "a\u2028b",
    "\x00",
    "[/red]",
    "[link=http://evil.example]x[/link]",
    ":skull:",
    "<!channel> <!here> <@U12345>",
    "<http://evil.example|weir.example>",
    "@channel @all",
    "http://evil.example/x",
    "[weir](http://evil.example)",
    "![x](http://evil.example/pixel.png)",
    "``` \n# heading",
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1,1)",
    "\t=1+1",
    '=HYPERLINK("http://evil.example")',
    "\ud800",
    "\u3164\u2800\u115f",
    "z" + "\u0301" * 400,
    "**bold** _it_ ~gone~ `code` | a | b",
    "evil.рф ev\u0301.com evil。com",
    ":skull: #general ![x][y]",
    "＝1+1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_acts_on_a_terminal(text: str) -> None:
    assert for_terminal(text).isprintable()
    with console_of() as console:
        console.file = io.StringIO()
        console.print(f"cluster {text} grows", style="dim")
        console.print({"name": text}["name"])
        shown = console.file.getvalue().replace("\n", "")
    assert shown.isprintable() and ("[" not in text or "[" in shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_acts_in_a_chat(text: str) -> None:
    shown = for_chat(text)
    assert not {*"<>\x1b\r\x00\x9b\u202e"} & {*shown}
    live = (
        "@channel",
        "@all",
        "://",
        "](",
        "][",
        "evil.example",
        "<!",
        "**b",
        "_it_",
        "`code`",
        "l.рф",
        "l。com",
        ":skull",
        "#gen",
    )
    assert not [text for text in live if text in shown] and "\n" not in shown


def test_a_chat_leaves_times_and_names_alone() -> None:
    text = "cpu_utilization of web-1 rose at 12:30:05 (2026-11-30T12:00Z), 1.5 times, 10.0.0.1; see weir explain x/y"
    assert for_chat(text) == text


def test_piles_of_marks_are_cut_and_accents_stay() -> None:
    assert for_terminal("cafe\u0301 ☃ नमस्ते") == "cafe\u0301 ☃ नमस्ते"
    assert for_terminal("z" + "\u0301" * 40).count("\u0301") == 3


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_the_text_literally(text: str) -> None:
    from markdown_it import MarkdownIt

    page = MarkdownIt("commonmark", {"html": True}).enable("table")
    rendered = page.render(f"- {for_markdown(text)}")
    assert rendered.startswith("<ul>\n<li>") and rendered.count("<") == 4, rendered
    block = page.render(fenced(text))
    assert block.startswith("<pre><code>") and block.count("<") == 4, block


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    if text == "\ud800":
        assert for_csv(text).isprintable()
        return
    path = tmp_path / "x.csv"
    schema = pa.schema([("plain", pa.string()), ("text", pa.string()), ("texts", pa.list_(pa.string()))])
    with FORMATS[".csv"](path, schema) as write:
        write(pa.RecordBatch.from_pydict({"plain": ["a", None], "text": [text, "b"], "texts": [[text], None]}, schema))
    raw = path.read_bytes().decode()
    assert raw.replace("\n", "").isprintable()
    rows = list(csv.reader(io.StringIO(raw)))
    assert rows[1] == ["a", for_csv(text), json.dumps([text])] and rows[2] == ["", "b", ""]
    assert not rows[1][1].startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("text", HOSTILE)
def test_json_lines_hold_the_text_exactly(tmp_path: Path, text: str) -> None:
    if text == "\ud800":
        return
    path = tmp_path / "x.jsonl"
    schema = pa.schema([("text", pa.string())])
    with FORMATS[".jsonl"](path, schema) as write:
        write(pa.RecordBatch.from_pydict({"text": [text]}, schema))
    raw = path.read_text()
    assert json.loads(raw) == {"text": text} and raw.isascii() and raw.rstrip("\n").isprintable()


WRITERS = {
    # What is written there is JSON in ASCII, or goes through `for_csv` or `for_terminal`, or holds no text of strangers.
    "cli/app.py": {"print"},
    "cli/features.py": {"print"},
    "cli/reference.py": {"print"},
    "cli/ui.py": {"print"},
    "core/console.py": {"print"},
    "core/databases.py": {"print"},
    "outputs/sql_text.py": {"write", "writelines"},
    "training/champions.py": {"print"},
    # Markdown of our own around `for_markdown` and `fenced`.
    "actions/assets.py": {"md"},
    "core/plots.py": {"md"},
    "domains/anomaly/assets.py": {"md"},
    "domains/learning/assets.py": {"md"},
}


def test_no_writer_goes_around_the_functions() -> None:
    writers: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="print" | "Console" as name)):
                    pass
                case ast.Call(func=ast.Attribute(attr="echo" | "secho" | "from_markup" | "md" as name)):
                    pass
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Attribute(attr="stdout" | "stderr"), attr="write" | "writelines" as name
                    )
                ):
                    pass
                case _:
                    continue
            writers.setdefault(str(path.relative_to(ROOT)), set()).add(name)
    assert writers == WRITERS
