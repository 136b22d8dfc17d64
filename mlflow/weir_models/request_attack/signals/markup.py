"""Signals of script and markup in a request: tags, handlers, script addresses, calls that show that code ran."""

from __future__ import annotations

from functools import partial

from weir_models.request_attack.signals.signal import Signal

_xss = partial(Signal, attack_class="xss")
_flat = partial(Signal, attack_class="xss", view="compact")

_EVENTS = r"on(?:abort|activate|after\w+|animation\w+|aux\w+|before\w+|begin|blur|bounce|can\w+|change|click|close|context\w+|copy|cue\w+|cut|dblclick|drag\w*|drop|duration\w+|emptied|end|ended|error|finish|focus\w*|fullscreen\w*|got\w+|hash\w+|input|invalid|key\w+|load\w*|lost\w+|message|mouse\w+|offline|online|page\w+|paste|pause|play\w*|pointer\w+|popstate|progress|property\w+|ratechange|ready\w+|repeat|reset|resize\w*|scroll\w*|search|seek\w+|select\w*|show|start|stalled|submit|suspend|timeupdate|time\w+|toggle|touch\w+|transition\w+|unload|unhandled\w+|volume\w+|wait\w+|webkit\w+|wheel)"
_SINKS = r"(?:alert|prompt|confirm|eval|settimeout|setinterval|atob|btoa|execscript|importscripts|fetch|document\.write(?:ln)?|window\.open|location\.(?:assign|replace)|string\.fromcharcode|fromcharcode|function|xmlhttprequest|console\.log|print)"

SIGNALS = (
    _xss("script_tag", weight=6, pattern=r"<[\s/\x00-\x20]*script\b|<script|</script|<\s*s\s*c\s*r\s*i\s*p\s*t\b"),
    _xss(
        "active_tag",
        weight=4,
        pattern=r"<[\s/]*(?:iframe|frame|frameset|object|embed|applet|svg|math|base|meta|link|bgsound|isindex|layer|ilayer|xml|import|animate|set|foreignobject|keygen|marquee|blink|portal|template|xss|listing|plaintext|xmp|noscript|vmlframe|t:set)(?:[\s/>:=\"'+]|$)",
    ),
    _xss(
        "media_tag",
        weight=1.5,
        pattern=r"<[\s/]*(?:img|image|video|audio|source|body|html|style|form|input|button|details|select|textarea|isindex|option|picture|track|title)(?:[\s/>\"'`]|$)",
    ),
    _xss("plain_tag", weight=0.4, pattern=r"<[/!?]?[a-z][a-z0-9:-]{0,20}(?:[\s/>]|$)"),
    _xss("handler_in_tag", weight=5, pattern=r"<[a-z!/?%-][^<]{0,400}[\s/\"'`\x00-\x20>]" + _EVENTS + r"\s*="),
    _xss("handler", weight=3.5, pattern=r"(?:^|[\s/\"'`<>;\x00-\x20])" + _EVENTS + r"\s*=\s*[\"'`({\w\\]"),
    _xss("handler_with_call", weight=4, pattern=r"\bon[a-z]{3,25}\s*=\s*[\"'`(]*[^&\s]{0,60}[(`]"),
    _xss("attribute_break", weight=2, pattern=r"[\"'`][\s/]*>[\s\"'/]*<|^[^<]{0,80}[\"'`]\s*/?>\s*$|[\"'`]\s*><"),
    _xss(
        "tag_break",
        weight=2.5,
        pattern=r"</(?:textarea|title|style|script|noscript|template|xmp|iframe|option|select|a|svg|body)\s*>\s*.{0,20}<|-->\s*<",
    ),
    _xss(
        "dialogue_call",
        weight=4,
        pattern=r"\b(?:alert|prompt|confirm)(?:\?\.)?[(`]\s*[^)\s,.]{0,60}[)`;/\s\"',.]|\b(?:alert|prompt|confirm)\s*[(`]\s*['\"`/\d]|\b(?:alert|prompt|confirm)\s*(?:\.(?:call|apply|bind)|\)\s*[(`])|\(\s*(?:alert|prompt|confirm)\s*\)|\bprint\s*\(\s*\)",
    ),
    _xss(
        "script_sink",
        weight=3,
        pattern=r"\b(?:eval|settimeout|setinterval|execscript|importscripts|atob|document\.write(?:ln)?|string\.fromcharcode|new\s+function|xmlhttprequest|window\.open|fetch)\s*[(`]\s*[\w'\"`(/\\]",
    ),
    _xss(
        "document_access",
        weight=4,
        pattern=r"\bdocument\s*(?:\?\.|\.|\[)\s*['\"`]?(?:cookie|domain|location|write|body|documentelement|createelement|referrer|forms|getelement\w+|url|head|title)\b|\b(?:window|self|top|parent|this|globalthis|frames)\s*(?:\.|\[)\s*['\"`]?(?:location|alert|eval|name|open|document|onerror|prompt|confirm|atob)|\blocation\s*(?:\.(?:href|hash|replace|assign|search)\s*(?:=|\()|=\s*['\"`(]?(?:javascript|//|http|name))|\blocalstorage\s*[.\[]|\.innerhtml\s*=",
    ),
    _flat(
        "script_address",
        weight=4.5,
        pattern=r"(?:javascript|vbscript|livescript|mocha|jscript):(?:[^v;&/][^;&]{0,80}[(=\[]|v[^o][^;&]{0,60}[(=]|/[*/]|[&%#]|alert|prompt|confirm|document|location|eval)",
    ),
    _flat(
        "script_address_in_attribute",
        weight=4,
        pattern=r"<[^>]{0,200}(?:src|href|action|formaction|data|background|dynsrc|lowsrc|poster|xlink:href|from|to|values|code|content|url)[=(][^a-z]{0,6}(?:[0-9;]*url=)?(?:javascript|vbscript|livescript|data:|mocha):",
    ),
    _flat(
        "data_address",
        weight=4.2,
        pattern=r"data:(?:text/(?:html|xml|javascript|vbscript)|image/svg.xml|application/(?:xhtml|javascript|x-javascript|xml)|,<|;base64,phn|[^,]{0,40},[^&]{0,20}<)",
    ),
    _flat(
        "joined_call",
        weight=3,
        pattern=r"(?:alert|prompt|confirm|eval|fetch)[(\x60](?:document|1|xss|/)|\[(?:alert|eval|constructor|cookie|location|fromcharcode|innerhtml)\]",
    ),
    _xss(
        "constructor_call",
        weight=4,
        pattern=r"\bconstructor\s*(?:\.|\[|\()\s*(?:['\"`(]|constructor)|\b__proto__\b|\b__defin\w+__\b|\bprototype\s*(?:\[|\.)\s*\w+\s*\]?\s*=|\[\s*\]\s*\[\s*['\"(!+]|\(!\[\]\+\[\]\)|\+\[\]\)?\[",
    ),
    _xss(
        "code_in_quotes",
        weight=3.5,
        pattern=r"[\"'`)\]}][\s)]*[;+*/^|&,-]{1,3}\s*\(?(?:alert|prompt|confirm|print|console|eval|document|window|location|settimeout|setinterval|self|top|this|function|fetch|new\s+image|import|atob)\b\s*[.()\[`=+]",
    ),
    _xss(
        "style_code",
        weight=4,
        pattern=r"\bexpression\s*\(|-moz-binding\s*:|\bbehaviou?r\s*:\s*url|@import\s*['\"(]?(?:url|javascript|//|http|')|\bstyle\s*=\s*[\"']?[^\"'>]{0,100}(?:expression|javascript|url\s*\(|-o-link|import)|-o-link\s*:|@keyframes",
    ),
    _xss(
        "attribute_injection",
        weight=2.5,
        pattern=r"[\"'`][\s/]+(?:autofocus|accesskey|style|src|href|formaction|srcdoc|background|contenteditable|tabindex|ontoggle|onx)\s*(?:=|$|[\s/])",
    ),
    _xss(
        "active_attribute",
        weight=3,
        pattern=r"\b(?:srcdoc|formaction|xlink:href|fscommand|allowscriptaccess|dynsrc|lowsrc|seeksegmenttime|http-equiv|attributename|datasrc|dataformatas|xmlns(?::\w+)?)\s*=\s*[\"'`]?[\w&/#\\(]",
    ),
    _xss(
        "template_call",
        weight=3,
        pattern=r"\b(?:alert|prompt|confirm|eval|atob)\s*`|\bthrow\s*[/'\"\d]|onerror\s*=\s*(?:eval|alert)|\[\s*\d*\s*\]\s*\.\s*(?:some|map|find|every|filter|foreach|sort)\s*\(\s*(?:alert|confirm|prompt|eval)",
    ),
    _xss(
        "frameworks",
        weight=3,
        pattern=r"\bv-(?:if|html|on|show)\b.{0,20}=|\bng-(?:init|app|click|focus|include|src)\b|\bx-on:|\bdata-ng-|\$on\.constructor|\$eval\b|\borderby:|\bjquery\.globaleval|\b\$\.getscript\s*\(",
    ),
    _xss(
        "script_words_without_tag",
        weight=4.2,
        pattern=r"(?:^|[^a-z])/?script[\s>]*(?:(?:alert|prompt|confirm)\s*[(`'\"/]|document\s*[.\[]|src=)|(?:alert|prompt|cookie\s*=\s*true)\s*[^a-z\s][^a-z]{0,11}/?script\b|cookie\s*=\s*true\s*/?script\b",
    ),
    _xss("comment_or_declaration", weight=1.5, pattern=r"<!--|<!\[cdata\[|<\?xml|<!\s*[a-z]|<\?import|<%"),
    _xss("old_namespace", weight=4.5, pattern=r"<\?(?:xml:namespace|import\s)|<\w*:set\b|urn:schemas-microsoft-com"),
    _xss(
        "entity_play",
        weight=2,
        pattern=r"&(?:tab|newline|colon|lpar|rpar|sol|quot|apos|lt|gt|equals|grave|lbrace|rbrace|bsol)\b|<[^>]{0,40}\\[0-9a-f]{2}",
    ),
    _xss("angle_and_call", weight=2.5, pattern=r"<[^>]{0,200}(?:=|\()[^>]{0,200}[(`].{0,100}[)`]"),
)
