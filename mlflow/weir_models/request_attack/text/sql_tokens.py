"""The sequence of SQL token types in a value, read three ways: as it stands, and as if inside '…' or "…".

One letter a token, so that patterns can run over it: 1 number, s string, v variable, n word, f function before a
bracket, & logic, ! not, o operator, u union, a all, e statement, b order by and its like, k other keyword,
c comment, x anything else, and the brackets, commas and semicolons themselves. Unary signs are left out.
"""

from __future__ import annotations

import re

MAX_TOKENS = 32

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

WORDS = {
    **dict.fromkeys(("or", "and", "xor"), "&"),
    "not": "!",
    **dict.fromkeys(
        ("like", "rlike", "regexp", "between", "in", "is", "div", "mod", "sounds", "glob", "collate", "ilike"), "o"
    ),
    **dict.fromkeys(("union", "intersect", "except", "minus"), "u"),
    **dict.fromkeys(("all", "distinct"), "a"),
    **dict.fromkeys(
        (
            "select",
            "insert",
            "update",
            "delete",
            "drop",
            "create",
            "alter",
            "exec",
            "execute",
            "declare",
            "truncate",
            "merge",
            "shutdown",
            "waitfor",
            "replace",
            "handler",
        ),
        "e",
    ),
    **dict.fromkeys(("having", "limit", "procedure", "order", "group", "offset"), "b"),
    **dict.fromkeys(
        (
            "from",
            "where",
            "as",
            "into",
            "by",
            "case",
            "when",
            "then",
            "else",
            "end",
            "asc",
            "desc",
            "set",
            "values",
            "join",
            "using",
            "escape",
            "binary",
            "delay",
            "if",
            "exists",
            "on",
        ),
        "k",
    ),
    **dict.fromkeys(("null", "true", "false"), "1"),
}
FUNCTIONS = frozenset(
    [
        "sleep",
        "benchmark",
        "pg_sleep",
        "concat",
        "concat_ws",
        "group_concat",
        "char",
        "chr",
        "nchar",
        "ascii",
        "ord",
        "substring",
        "substr",
        "mid",
        "left",
        "right",
        "length",
        "len",
        "char_length",
        "hex",
        "unhex",
        "load_file",
        "extractvalue",
        "updatexml",
        "version",
        "database",
        "user",
        "current_user",
        "system_user",
        "session_user",
        "schema",
        "cast",
        "convert",
        "ifnull",
        "nullif",
        "isnull",
        "coalesce",
        "elt",
        "make_set",
        "if",
        "iif",
        "count",
        "max",
        "min",
        "avg",
        "sum",
        "floor",
        "rand",
        "round",
        "abs",
        "md5",
        "sha1",
        "sha",
        "encode",
        "decode",
        "randomblob",
        "upper",
        "lower",
        "ucase",
        "lcase",
        "reverse",
        "repeat",
        "replace",
        "lpad",
        "rpad",
        "trim",
        "ltrim",
        "rtrim",
        "instr",
        "locate",
        "position",
        "conv",
        "bin",
        "oct",
        "pi",
        "power",
        "pow",
        "sqrt",
        "mod",
        "exp",
        "now",
        "sysdate",
        "curdate",
        "utc_date",
        "json_extract",
        "json_keys",
        "json_depth",
        "row",
        "exists",
        "xmltype",
        "dbms_pipe.receive_message",
        "regexp_substring",
        "regexp_substr",
        "crypt_key",
        "name_const",
        "procedure",
        "analyse",
        "bit_length",
        "greatest",
        "least",
        "interval",
        "find_in_set",
        "strcmp",
        "sign",
        "sin",
        "cos",
        "tan",
        "atan",
        "log",
        "exec",
        "values",
        "select",
        "from",
        "where",
        "and",
        "or",
        "not",
        "in",
        "any",
        "some",
        "space",
        "str",
    ]
)
INTERESTING = re.compile(
    r"['\"]|\b(?:x?or|and|select|union|having|order|group|limit|like|exec|declare|drop|insert|update|delete)\b|--|/\*|\|\||&&|#"
)


def _types(text: str) -> str:
    found: list[str] = []
    previous = ""
    position = 0
    end = len(text)
    while position < end and len(found) < MAX_TOKENS:
        match = TOKEN.match(text, position)
        if match is None:
            break
        position = match.end()
        kind = match.lastgroup
        if kind == "space":
            continue
        if kind == "number":
            code = "1"
        elif kind == "string":
            code = "s"
        elif kind == "word":
            word = match.group()
            code = WORDS.get(word, "n")
            if code in "n1okeb" and word in FUNCTIONS and text[position : position + 3].lstrip()[:1] == "(":
                code = "f"
        elif kind == "operator":
            operator = match.group()
            if operator in ("||", "&&"):
                code = "&"
            elif operator in "+-~" and (not previous or previous in "(,o&!uekb;"):
                continue
            elif operator == "/" and text[position : position + 1].isalpha():
                code = "x"
            else:
                code = "o"
        elif kind == "comment":
            code = "c"
        elif kind == "variable":
            code = "v"
        elif kind == "not":
            code = "!"
        elif kind == "mark":
            code = match.group()
        else:
            code = "x"
        if code == "c" and match.group().startswith("/*") and position < end:
            continue
        found.append(code)
        previous = code
    return "".join(found)


def token_types(value: str) -> str:
    """The readings as one text, such as "n:s&1o1 q:s&1o1c"; empty where nothing looks like SQL."""
    value = value[:400]
    if not INTERESTING.search(value):
        return ""
    readings = ["n:" + _types(value)]
    for letter, quote in (("q", "'"), ("d", '"')):
        at = value.find(quote)
        if at >= 0:
            readings.append(f"{letter}:s" + _types(value[at + 1 :]))
    return " ".join(readings)
