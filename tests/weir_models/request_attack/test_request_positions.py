"""An attack needs a position to inject from: what breaks out of nothing and is searched for is no attack."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.weir_models.request_attack.request_samples import requests
from weir_models.request_attack.model import RequestAttack
from weir_models.request_attack.text.position import is_complete

SNIPPETS = (
    "ipconfig /all", "netstat -an", "select * from users", "SELECT name, email FROM customers ORDER BY name", "tasklist /svc",
    "update users set name = 'x' where id = 1", "const data = fs.readFileSync('data.json')", "process.env.NODE_ENV", "os.system('clear')",
    "Get-Process | Sort-Object CPU", "(&(objectClass=user)(cn=ana))", "db.users.find({age: {$gt: 5}})", "http://localhost:3000", "for(;;)",
)  # fmt: skip
"""Whole statements: typed into a search box nothing executes them, elsewhere something might."""
BREAKS = (
    "x' union select 1,2--", "1' or '1'='1", "127.0.0.1; ipconfig /all", "x ' or 1 or ' y", '";alert(1)//', "x | whoami",
    "\"a' union select 1 from b where c=\"", "id union (select a from b limit 1)", "a'; drop table users; --", "a') or sleep(5)--",
)  # fmt: skip
PLAIN = (
    "q={%22__proto__%22:null}", "text=how to use fs.readFile('a.txt') in node", "utm_campaign=Tips & more", "subject=Tips & more", "title=Sleep | sleep",
    "name=Cut & Dry; Sort", "tags=java|php|node", "selector=//input[@type='submit']", "data={%22@type%22:%22Product%22}", "category=radio | gps",
    "xpath=//div[@id='main']/a[contains(@href,'x') and contains(text(),'y')]", "filter=name eq 'ana' and age between 3 and 9",
    "where=status = 'active' and id > 5", "sql=select count(*) from trips where day > '2026-11-01'", "filter={%22$and%22:[{%22speed%22:{%22$gt%22:80}}]}",
)  # fmt: skip
WINDOWS = (
    "a&net localgroup administrators", "x|if not exist y mkdir z", "a & call whoami", "x;gsv", ".('who'+'ami')", "i`e`x", "x;$host", "a&echo.%OS%>x.txt",
    "x;foreach($i in 1..3){$i}", "gci -path c:\\ -recurse", "a&type nul > x.aspx",
)  # fmt: skip
LEFT = (
    "/shop/index%20(1).php", "/server.key", "/app/etc/env.php", "/login.aspx.cs", "/CVS/Entries", "/config.php.~1~", "/appsettings.Production.json",
    "/group_vars/vault.yml", "/accessKeys.csv", "/site-backup.wpress", "/.unknowntool/a", "/app/.goosehints", "/composer.log", "/wrangler.toml",
    "/infra/main.tf", "/Dockerfile.prod", "/core.1234", "/heap-2025.heapsnapshot", "/users.csv", "/.dev.vars", "/shop.dump",
)  # fmt: skip
SERVED = (
    "/talks/roadmap.key",
    "/files/report%20(1).pdf",
    "/main.js.map",
    "/openapi.json",
    "/inventory.json",
    "/shop/product_new.php",
    "/changelog.txt",
    "/misc/sample.log",
    "/files/dns/named.conf",
    "/.auth/me",
    "/.netlify/functions/a",
    "/photos/.thumbs/a.jpg",
    "/core",
)


ASKED = (
    "<?php echo", "php <?php vs <?=", '<?php echo "hello world"; ?>', "1' or '1'='1 explained", "' or 1=1 meaning", "how does 1' or '1'='1 work",
    "cat /etc/hosts", "how to edit /etc/fstab", "where is /etc/hosts on windows", "nano /etc/nginx/nginx.conf", "/etc/passwd meaning",
)  # fmt: skip
"""What people ask a search box about."""
STATED = (
    "<?php system('ls'); ?>", "<?php $a($b);", "<?=posix_getuid();?>", "1' or '1'='1", "what is ' or 1=1 -- ", "how' union select 1,2 -- ",
    "/etc/passwd", "../../etc/passwd how", "cat /etc/passwd; id how to", "x' or 1=1; drop table orders -- explained",
)  # fmt: skip
"""What ends a statement, or is whole, whichever words stand around it."""


def missed(model: RequestAttack, queries: list[str]) -> list[str]:
    """The queries that are no attack to the model."""
    found = model.predict(requests(*queries))["is_attack"]
    return [query for query, is_attack in zip(queries, found, strict=True) if not is_attack]


@pytest.mark.parametrize("box", ["q", "search", "keyword"])
def test_a_search_for_a_snippet_is_none(request_model: RequestAttack, box: str) -> None:
    queries = [f"{box}={quote(text, safe='')}" for text in SNIPPETS]
    assert missed(request_model, queries) == queries


def test_a_question_about_an_attack_is_none(request_model: RequestAttack) -> None:
    queries = [f"q={quote(text, safe='')}" for text in ASKED]
    assert missed(request_model, queries) == queries
    assert missed(request_model, [f"q={quote(text, safe='')}" for text in STATED]) == []
    assert missed(request_model, [f"file={quote(text, safe='')}" for text in ASKED[-5:]]) == []


def test_a_measure_or_a_dash_ends_no_statement(request_model: RequestAttack) -> None:
    prose = ["note=it's 'fine' -- really", "name=Smith and Sons' #5", "note=5' x 7' #2"]
    assert missed(request_model, prose) == prose
    assert missed(request_model, ["name=ana smith' -- -", "name=ana smith' -- qtfa", "name=admin'#"]) == []


def test_a_referring_search_is_none(request_model: RequestAttack) -> None:
    frame = requests(*["page=2"] * len(SNIPPETS))
    frame["referer"] = [f"https://www.example.com/search?q={quote(text, safe='')}" for text in SNIPPETS]
    assert not request_model.predict(frame)["is_attack"].any()


def test_snippets_elsewhere_are_attacks(request_model: RequestAttack) -> None:
    assert missed(request_model, [f"file={quote(text, safe='')}" for text in SNIPPETS]) == []


def test_breaking_out_of_a_search_is_an_attack(request_model: RequestAttack) -> None:
    assert missed(request_model, [f"q={quote(text, safe='')}" for text in BREAKS]) == []


def test_prose_and_honest_filters_are_none(request_model: RequestAttack) -> None:
    assert missed(request_model, list(PLAIN)) == list(PLAIN)


def test_windows_grammar_is_found(request_model: RequestAttack) -> None:
    assert missed(request_model, [f"f={quote(text, safe='')}" for text in WINDOWS]) == []


def test_left_behind_files_are_probes(request_model: RequestAttack) -> None:
    frame = requests(*[None] * len(LEFT + SERVED))
    frame["uri_path"] = LEFT + SERVED
    assert request_model.predict(frame)["is_attack"].tolist() == [True] * len(LEFT) + [False] * len(SERVED)


@pytest.mark.parametrize("text", ["f('a', [1, {b: 2}])", "select 'a' from b", 'find "a b" (c)'])
def test_closed_texts_are_complete(text: str) -> None:
    assert is_complete(text)


@pytest.mark.parametrize(
    "text",
    [
        "a'b'",
        "f(a",
        "a)",
        "'a' or",
        "x -- y",
        "x /* y",
        "1 or 2",
        "or a",
        "a' b '",
        "f('a\"b')",
        "x 'or' y",
        "a;select b",
        "([)]",
        "<a",
    ],
)
def test_texts_that_break_out_are_incomplete(text: str) -> None:
    assert not is_complete(text)
