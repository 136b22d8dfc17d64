"""SQL token types of a value, in three readings: as a statement, and as the rest of a string in '…' or "…".

One letter a token, so that patterns can match sequences (as libinjection does): 1 number, s string, v variable, n word, f function before a
bracket, & logic, ! not, o operator, u union, a all, e statement, b order by and its like, k other keyword,
c comment, x anything else, and the brackets, commas and semicolons themselves. Unary signs are left out.
"""

from __future__ import annotations

import re

MAX_TOKENS = 32
READ_CHARACTERS = 400
LAST_QUOTES = 3
"""Ends of the string that are tried besides the first, from the last one on."""

TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>/\*.*?(?:\*/|$)|--(?:[\s\-].*|$)|\#(?:\S{0,12}\s*$|[^\n]{0,200}\n))
    |(?P<string>'(?:[^'\\]|\\.|'')*(?:'|$)|"(?:[^"\\]|\\.|"")*(?:"|$))
    |(?P<number>\d{1,2}/(?:[234568]|1[026]|32|64)(?![\w./])|0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![a-z_])|\.\d+)
    |(?P<variable>@@?[\w.$]*)
    |(?P<word>[a-z_\x80-\uffff][\w$.\x80-\uffff]*|\d+[a-z_]\w*)
    |(?P<operator>\|\||&&|<=>|<>|!=|>=|<=|<<|>>|:=|::|==|[=<>+*/%^~&|-])
    |(?P<not>!)
    |(?P<mark>[(),;])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)

CODE_WORDS = {
    "&": "or and xor",
    "!": "not",
    "o": "like rlike regexp between in is div mod sounds glob collate ilike",
    "u": "union intersect except minus",
    "a": "all distinct",
    "e": """
        select insert update delete drop create alter exec execute declare truncate merge shutdown waitfor replace
        handler
    """,
    "b": "having limit procedure order group offset",
    "k": """
        from where as into by case when then else end asc desc set values join using escape binary delay if exists on
    """,
    "1": "null true false",
}
WORDS = {word: code for code, words in CODE_WORDS.items() for word in words.split()}
FUNCTIONS = frozenset(
    """
        sleep benchmark pg_sleep concat concat_ws group_concat char chr nchar ascii ord substring substr mid left
        right length len char_length hex unhex load_file extractvalue updatexml version database user current_user
        system_user session_user schema cast convert ifnull nullif isnull coalesce elt make_set if iif count max min
        avg sum floor rand round abs md5 sha1 sha encode decode randomblob upper lower ucase lcase reverse repeat
        replace lpad rpad trim ltrim rtrim instr locate position conv bin oct pi power pow sqrt mod exp now sysdate
        curdate utc_date json_extract json_keys json_depth row exists xmltype dbms_pipe.receive_message
        regexp_substring regexp_substr crypt_key name_const procedure analyse bit_length greatest least interval
        find_in_set strcmp sign sin cos tan atan log exec values select from where and or not in any some space str
    """.split()
)
INTERESTING = re.compile(
    r"['\"]|\b(?:x?or|and|select|union|having|order|group|limit|like|exec|declare|drop|insert|update|delete)\b|--|/\*|\|\||&&|#"
)


CODES = {"number": "1", "string": "s", "comment": "c", "variable": "v", "not": "!", "other": "x"}
"""Codes of the kinds of tokens that have one code each."""


def _types(text: str) -> str:
    """Codes of the first MAX_TOKENS tokens of the text."""
    codes: list[str] = []
    position = 0
    while position < len(text) and len(codes) < MAX_TOKENS:
        match = TOKEN.match(text, position)
        if match is None:
            break
        position = match.end()
        code = _code(match, codes[-1] if codes else "", text[position : position + 3])
        if code == "c" and match.group().startswith("/*") and position < len(text):
            continue  # a comment within a statement stands for a space
        if code:
            codes.append(code)
    return "".join(codes)


def _code(match: re.Match[str], previous: str, following: str) -> str:
    """The code of one token beside the code before it and the characters after it; empty for spaces and unary signs."""
    kind, text = match.lastgroup or "", match.group()
    if kind == "word":
        code = WORDS.get(text, "n")
        is_call = text in FUNCTIONS and following.lstrip()[:1] == "("
        return "f" if is_call and code in "n1okeb" else code
    if kind == "operator":
        if text in ("||", "&&"):
            return "&"
        if text in "+-~" and (not previous or previous in "(,o&!uekb;"):
            return ""
        return "x" if text == "/" and following[:1].isalpha() else "o"
    return text if kind == "mark" else CODES.get(kind, "")


def token_types(value: str) -> str:
    """The readings in one text, such as "n:s&1o1 q:s&1o1c"; empty where nothing resembles SQL.

    A string is left at the first quote or, behind strings that are whole, at one of the last: text before it, of whatever
    length, is part of the string and changes nothing.
    """
    if not INTERESTING.search(value):
        return ""
    readings = ["n:" + _types(value[:READ_CHARACTERS])]
    for letter, quote in (("q", "'"), ("d", '"')):
        for at in _ends(value, quote):
            readings.append(f"{letter}:s" + _types(value[at + 1 : at + 1 + READ_CHARACTERS]))
    return " ".join(dict.fromkeys(readings))


def _ends(value: str, quote: str) -> list[int]:
    """Where the string that holds the value may end: the first quote and the last LAST_QUOTES, in order."""
    places = [value.find(quote)]
    last = len(value)
    for _ in range(LAST_QUOTES):
        last = value.rfind(quote, places[0] + 1, last)
        if last < 0:
            break
        places.append(last)
    return [place for place in sorted(places) if place >= 0]
