"""Evasion: a rewriting that an application undoes changes no verdict; benign text of all kinds keeps its own."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.weir_models.request_attack.request_samples import ATTACKS, probability, requests
from weir_models.request_attack.model import RequestAttack

pytestmark = pytest.mark.attack("rewritten requests")

FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
"""Each example scores a batch; failures are told as they were found, for shrinking batches takes minutes."""
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
OVERLONG = {sign: f"%{0xC0 | ord(sign) >> 6:02x}%{0x80 | ord(sign) & 0x3F:02x}" for sign in "./\\<>'\"();:=-"}
SQL_SPACES = (" ", "/**/", "/*a*/", "\n", "\t", "\r\n", "\x0c", "--a\n", "#a\n", "/*\n*/", "+", "%a0", "/*!*/")
UNDONE_BY: dict[str, tuple[str, ...]] = {"percent": tuple(ATTACKS), "percent_u": tuple(ATTACKS), "entities": ("xss", "sqli",
    "path_traversal"), "backslash_x": ("xss", "sqli", "template_injection"), "full_width": ("xss", "sqli", "path_traversal"),
    "overlong": ("xss", "sqli", "path_traversal"), "null_bytes": ("xss", "sqli", "command_injection"), "case": ("xss", "sqli",
    "jndi_and_deserialisation", "php_and_webshell"), "comments": ("sqli",), "versioned_comment": ("sqli",)}  # fmt: skip
"""Rewriting -> classes whose target may undo it: a shell knows no case, a file system no entities."""
Draw = st.DrawFn


def some(draw: Draw, text: str, write: Callable[[str], str], otherwise: Callable[[str], str]) -> str:
    """Some characters written one way, the others the other way."""
    picks = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return "".join(write(c) if pick else otherwise(c) for c, pick in zip(text, picks, strict=True))


def encoded(text: str) -> str:
    return quote(text, safe="")


def rewritten(draw: Draw, how: str, text: str) -> str:
    """The text as a value of a query, rewritten in one way."""
    if how == "percent":
        hexed = some(draw, text, lambda c: "".join(f"%{b:02x}" for b in c.encode()), encoded)
        for _ in range(draw(st.integers(0, 3))):
            hexed = some(draw, hexed, lambda c: encoded(c) if c == "%" else f"%{ord(c):02X}", encoded)
        return hexed
    if how == "percent_u":
        return some(draw, text, lambda c: f"%u{ord(c):04x}", encoded)
    if how == "entities":
        form = draw(st.sampled_from(["&#{};", "&#x{:x};", "&#0000{};", "&#X{:X};"]))
        return encoded(some(draw, text, lambda c: form.format(ord(c)), escape))
    if how == "backslash_x":
        form = draw(st.sampled_from(["\\x{:02x}", "\\u{:04x}", "\\u{{{:04x}}}"]))
        return encoded(some(draw, text, lambda c: form.format(ord(c)), str))
    if how == "full_width":
        return encoded(some(draw, text, lambda c: c.translate(FULL_WIDTH), str))
    if how == "overlong":
        return some(draw, text, lambda c: OVERLONG.get(c, encoded(c)), encoded)
    if how == "null_bytes":
        at = draw(st.sampled_from([0, len(text)]))
        return encoded(text[:at] + "\0" * draw(st.integers(1, 3)) + text[at:])
    if how == "case":
        return encoded(some(draw, text, str.swapcase, str))
    if how == "comments":
        return encoded("".join(draw(st.sampled_from(SQL_SPACES)) if c == " " else c for c in text))
    words = draw(st.lists(st.sampled_from(["UNION", "SELECT", "FROM"]), min_size=1, unique=True))
    for word in words:
        text = text.replace(word, f"/*!{draw(st.sampled_from(['', '50000', '12345']))}{word}*/")
    return encoded(text)


@st.composite
def evasion(draw: Draw, how: str) -> tuple[str, str]:
    kind = draw(st.sampled_from(UNDONE_BY[how]))
    return "q=" + encoded(ATTACKS[kind]), "q=" + rewritten(draw, how, ATTACKS[kind])


@pytest.mark.parametrize("how", UNDONE_BY)
@given(data=st.data())
@FEW
def test_no_undone_rewriting_halves_the_score(request_model: RequestAttack, how: str, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(evasion(how), min_size=8, max_size=16))
    scores = probability(request_model, *(text for pair in pairs for text in pair)).reshape(-1, 2)
    assert [pair for pair, (plain, hidden) in zip(pairs, scores, strict=True) if hidden < plain / 2] == []


@pytest.mark.parametrize("kind", sorted(ATTACKS))
@given(data=st.data())
@FEW
def test_parameter_pollution_does_not_lower_a_score(
    request_model: RequestAttack, kind: str, data: st.DataObject
) -> None:
    """A server takes the first value of a name, or the last, or all of them joined by commas."""
    attack, others = (
        f"q={encoded(ATTACKS[kind])}",
        data.draw(st.lists(st.sampled_from(["q=1", "q=shoes", "q=", "q", "Q=a%27b", "a=1"]))),
    )
    at = data.draw(st.integers(0, len(others)))
    polluted = "&".join([*others[:at], attack, *others[at:]])
    plain, hidden = probability(request_model, attack, polluted)
    assert hidden >= plain


@pytest.mark.parametrize("name", ["id", "a[]", "q"])
@pytest.mark.parametrize(
    "words", [["9'", "union", "select", "1-- "], ["x'", "or", "'a'", "='a"], ["1", "having", "1", "=1-- "]]
)
def test_a_statement_split_over_values_is_joined(request_model: RequestAttack, words: list[str], name: str) -> None:
    """Servers that join values put a comma between them, which the attacker puts into a comment."""
    last = len(words) - 1
    values = [f"{'*/' if n else ''}{word}{'/*' if n < last else ''}" for n, word in enumerate(words)]
    split = "&".join(f"{name}={encoded(value)}" for value in values)
    plain, hidden = probability(request_model, f"{name}=" + encoded(" ".join(words)), split)
    assert hidden > plain / 2


LETTERS = st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x24F)
# Not st.text: Hypothesis seeds it with string constants of this project, among them names of attack tools.
WORDS = st.lists(LETTERS, min_size=1, max_size=12).map("".join)
PROSE_WORDS = st.lists(
    st.sampled_from(
        """
            the a our select union from where or and not order by group table drop update delete insert like having
            set is in cat's dog's don't it's O'Neill script alert confirm system exec shell java ping host id file
            path root home
        """.split()
        + [
            "“quoted”",
            '"quoted"',
            "(aside)",
            "5'",
            '12"',
            "50%",
            "& co",
            "- and",
            "1/2",
            "a/b",
            "#1",
            "50/50",
            "e.g.",
            "etc.",
            "?",
            "!",
        ]
    ),
    min_size=1,
    max_size=12,
)
# Those words beside each other, and a clause after a quote, are SQL whoever writes them, and called so.
SQL_IN_PROSE = re.compile(r"union select|['\"] (?:having|order by|group by)")
PROSE = PROSE_WORDS.map(" ".join).filter(lambda text: not SQL_IN_PROSE.search(text))
OTHER_SCRIPTS = st.one_of(
    *(
        st.text(alphabet=st.characters(min_codepoint=low, max_codepoint=high, categories=["L", "M", "N"]), min_size=1, max_size=40)
        for low, high in ((0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3))
    )
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WORDS, st.sampled_from(["D'Arcy", "a b", "", "x@y.org", "2026-11-20T10:00:00Z"])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
).map(json.dumps)  # fmt: skip
CODE = st.builds(
    lambda form, a, b, n: form.format(a=a, b=b, n=n),
    st.sampled_from(
        [
            "for (int {a} = 0; {a} < {n}; {a}++) {{ {b} += {a}; }}", "def {a}({b}): return {b} + {n}", "if ({a} && {b}) {{ return {n}; }}", "const {a} = ({b}) => {b} * {n};",
            "#include <{a}.h>", "std::map<{a}, {b}> m;", "{a}.{b}({n})", "{a}[{n}] = {b}[{n}]", "List<{a}> {b} = new ArrayList<>();", "git commit -m \"{a} {b}\"", "{a} -> {b} -> {n}",
            "<p>{a} <b>{b}</b></p>", "{a}: {b};", "print(f'{a} {{{b}}}')", "let {a}: Vec<{b}> = vec![{n}];", "# {a}\n\n- {b}\n- {n}", "{a} == {b} || {b} != 0 ? {n} : 0",
        ]
    ),
    st.from_regex(r"[a-z]{3,9}", fullmatch=True).map(lambda word: "my_" + word), st.from_regex(r"[a-z]{3,9}", fullmatch=True).map(lambda word: "my_" + word), st.integers(0, 99),
)  # fmt: skip
BASE64 = st.one_of(st.binary(min_size=1, max_size=120), WORDS.map(str.encode), JSON.map(str.encode)).map(
    lambda raw: base64.b64encode(raw).decode()
)
BENIGN = {"prose": PROSE, "other_scripts": OTHER_SCRIPTS, "json": JSON, "code": CODE, "base64": BASE64}


@pytest.mark.parametrize("kind", BENIGN)
@given(data=st.data())
@FEW
def test_generated_benign_text_passes(request_model: RequestAttack, kind: str, data: st.DataObject) -> None:
    texts = data.draw(st.lists(BENIGN[kind], min_size=5, max_size=20))
    queries = [f"q={form(text)}" for text in texts for form in (encoded, lambda text: encoded(encoded(text)))]
    found = request_model.predict(requests(*queries))
    assert [(q, r) for q, r in zip(queries, found["reason"], strict=True) if r is not None] == []
