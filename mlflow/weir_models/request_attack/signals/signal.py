"""A signal: one pattern that is evidence for an attack class, its prior weight and its own test cases."""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = tuple(
    """
        sqli xss path_traversal command_injection template_injection jndi_and_deserialisation xxe_and_ssrf
        php_and_webshell scanner_probe protocol_abuse
    """.split()
)
VIEWS = ("text", "value", "sql", "shell", "compact", "tokens")
"""What of a unit a signal reads, all in lower case:
text: decoded and folded; value: without the parameter's name; sql: the value without comments;
shell: the text without quotes and other padding that a shell ignores; compact: the text without white space,
quotes and joins; tokens: the sequence of SQL token types of the value."""
KINDS = "pvram"
"""Where a unit stands: path, value of the query, referer, user agent; m for the method. Shapes of cookies (c) are read as queries."""


@dataclass(frozen=True)
class Signal:
    """One detection rule: what it looks for, what that is worth, and examples that it must tell apart."""

    name: str
    """For ever: a fitted model refers to it."""
    attack_class: str
    weight: float
    """Log odds before any example is seen: 5 decides alone, 2.5 needs one more, 1 is a hint."""
    pattern: str
    """A regular expression in the common syntax of RE2 and Python, for a text in lower case."""
    matches: tuple[str, ...]
    """Fields as a log holds them on which it fires: a query, or what its first kind says."""
    passes: tuple[str, ...]
    """Near misses of ordinary sites, in the same form."""
    view: str = "text"
    kinds: str = KINDS
    silence: str = ""
    """Where it is no evidence: in a text that is "complete" (breaks out of nothing), in one that is also "searched" for, in a folder
    that is "served", in a sentence ("prose"), and in a search box among words ("spoken") or as a "lesson"."""

    @property
    def example_kind(self) -> str:
        """Where `matches` and `passes` stand: the query where the signal reads it, else the first of its kinds."""
        return "v" if "v" in self.kinds else self.kinds[0]
