"""fail2ban's sample logs: clients, verdicts, and the lines that are left out."""

from __future__ import annotations

import gzip
from pathlib import Path

from benchmarks.clients import fail2ban

SAMPLES = """
# failJSON: { "time": "2015-01-20T19:53:28", "match": true , "host": "12.34.56.78" }
12.34.56.78 - - [20/Jan/2015:19:53:28 +0100] "GET //pma/scripts/setup.php?a=1 HTTP/1.1" 404 47 "-" "zgrab" "-"

# failJSON: { "match": true, "host": "5.7.9.2" }
2015/01/21 10:56:10 [error] 2833#0: *16336 open() "/var/www/x" failed (2: No such file or directory), client: 5.7.9.2, server: localhost, request: "HEAD /cgi-bin/php4 HTTP/1.1", host: "1.2.3.4"

# failJSON: { "match": false }
9.9.9.9 - - [20/Jan/2015:19:53:28 +0100] "GET /index.html HTTP/1.1" 200 47 "-" "-" "-"

# failJSON: { "match": true, "host": "7.7.7.7" }
[Mon Dec 23 09:49:10 2013] [error] [client 7.7.7.7] File does not exist: /var/www/pma

# failJSON: { "match": true, "host": "8.8.8.8" }
2020/11/25 14:42:16 [crit] 76952#0: *2454307 SSL_do_handshake() failed while SSL handshaking, client: 8.8.8.8, server: 0.0.0.0:443

# failJSON: { "match": true, "host": "9.8.7.6" }
Mar 24 08:58:32 host app: login failed from 9.8.7.6
# failJSON: { "match": false }
9.8.7.6 - - [24/Mar/2013:08:58:32 +0000] "POST /connect HTTP/1.1" 403 34 "-" "-"
"""


def clients(tmp_path: Path) -> tuple[dict[str, fail2ban.Sampled], int]:
    folder = tmp_path / fail2ban.FOLDER
    folder.mkdir(parents=True)
    (folder / "samples").write_text(SAMPLES)
    (folder / "no-web-log").write_text(SAMPLES.splitlines()[-3])
    found, left_out = fail2ban.read(tmp_path)
    return {client.host: client for client in found}, left_out


def test_each_line_becomes_the_request_it_quotes(tmp_path: Path) -> None:
    found, left_out = clients(tmp_path)
    told = {host: [(line.method, line.uri, line.status) for line in client.lines] for host, client in found.items()}
    assert told == {
        "12.34.56.78": [("GET", "//pma/scripts/setup.php?a=1", 404)],
        "5.7.9.2": [("HEAD", "/cgi-bin/php4", 404)],
        "9.9.9.9": [("GET", "/index.html", 200)],
        "7.7.7.7": [("GET", "/pma", 404)],
        "9.8.7.6": [("POST", "/connect", 403)],
    }
    assert left_out == 2


def test_an_address_abuses_where_the_filter_names_it(tmp_path: Path) -> None:
    found, _ = clients(tmp_path)
    assert [host for host, client in found.items() if not client.is_abuse] == ["9.9.9.9"]


def test_a_client_is_repeated_up_to_the_minimum(tmp_path: Path) -> None:
    found, _ = clients(tmp_path)
    places = fail2ban.render(list(found.values()), 5, tmp_path / "out")
    file = tmp_path / "out" / "E2EXAMPLE.2026-11-20-10.00000000.gz"
    rows = [line.split("\t") for line in gzip.decompress(file.read_bytes()).decode().splitlines()[2:]]
    assert len(places) == 5 and len(rows) == 25
    assert {row[4] + "/32" for row in rows} == set(places)
    assert len({row[4].rsplit(".", 1)[0] for row in rows}) == 5, "no two share a network"
