"""What a signal is: one pattern that speaks for an attack class, and how much before any example is seen."""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = (
    "sqli",
    "xss",
    "path_traversal",
    "command_injection",
    "template_injection",
    "jndi_and_deserialisation",
    "xxe_and_ssrf",
    "php_and_webshell",
    "scanner_probe",
    "protocol_abuse",
)
VIEWS = ("text", "value", "sql", "shell", "compact", "tokens")
"""text: decoded and folded; value: without the parameter's name; sql: the value without comments; shell: without quotes and other padding that a shell ignores;
compact: without white space, quotes and joins; tokens: the sequence of SQL token types."""
KINDS = "pvram"
"""Where a unit stands: path, value of the query, referer, user agent; m for the method."""


@dataclass(frozen=True)
class Signal:
    """A pattern in RE2's and Python's common syntax, on a text in lower case."""

    name: str
    attack_class: str
    weight: float
    """Logits before any example is seen: 5 decides alone, 2.5 needs one more, 1 is a hint."""
    pattern: str
    view: str = "text"
    kinds: str = KINDS
