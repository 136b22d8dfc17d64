"""Requests of scanners: files that no page links to, consoles, devices, and tools that say their name."""

from __future__ import annotations

import random
from collections.abc import Callable

from weir_models.request_attack.corpus.placing import PATHS, Request, browser, referer, word

R = random.Random

SECRETS = """
    /.env /.git/config /.git/HEAD /.svn/entries /.aws/credentials /.ssh/id_rsa /.htpasswd /.DS_Store
    /wp-config.php.bak /config.php.old /.env.local /.env.production /backup.sql /dump.sql /db.sql.gz /backup.zip
    /site.tar.gz /www.zip /database.sqlite /.npmrc /.dockerenv /docker-compose.yml /id_rsa /web.config.bak
    /.vscode/sftp.json /.idea/workspace.xml /config.json.bak /phpinfo.php /info.php /server-status /.bash_history
    /.hg/hgrc /.kube/config /credentials.json /composer.lock /sftp-config.json /index.php~ /.config.php.swp
    /wp-config.php~ /.well-known/../.env /settings.py.bak /application.properties /appsettings.json
""".split()
CONSOLES = ["/phpmyadmin/", "/phpMyAdmin/index.php", "/pma/", "/adminer.php", "/manager/html", "/host-manager/html", "/jmx-console/",
    "/actuator/env", "/actuator/health", "/actuator/heapdump", "/solr/admin/info/system", "/_cat/indices", "/script", "/jenkins/script",
    "/druid/index.html", "/nacos/v1/auth/users", "/console/login/LoginForm.jsp", "/wls-wsat/CoordinatorPortType",
    "/_ignition/execute-solution", "/telescope/requests", "/debug/pprof/", "/elmah.axd", "/trace.axd", "/v2/_catalog", "/containers/json",
    "/api/v1/pods", "/swagger-ui.html", "/graphiql", "/kibana/app/kibana", "/_all_dbs", "/invoker/JMXInvokerServlet",
    "/CFIDE/administrator/", "/axis2/axis2-admin/", "/hudson/script", "/web-console/", "/mysqladmin/", "/dbadmin/", "/sqlmanager/",
    "/xampp/", "/_profiler/phpinfo", "/solr/", "/api-docs", "/metrics", "/consul", ""]  # fmt: skip
DEVICES = """
    /HNAP1/ /boaform/admin/formLogin /GponForm/diag_Form /goform/webLogin /cgi-bin/luci /setup.cgi
    /currentsetting.htm /evox/about /owa/auth/logon.aspx /ecp/ /autodiscover/autodiscover.json /remote/fgt_lang
    /dana-na/auth/url_default/welcome.cgi /+CSCOE+/logon.html /tmui/login.jsp /mgmt/tm/util/bash /vpn/index.html
    /ui/vropspluginui/rest/services/uploadova /onvif/device_service /cgi-bin/nobody/Search.cgi /login.cgi /soap.cgi
    /level/15/exec/ /cgi-bin/printenv /cgi-bin/test-cgi /global-protect/login.esp /nmaplowercheck1600000000 /sslmgr
    /ISAPI/Security/users /backupmgt/localJob.php /rom-0
""".split()
WEAK = """
    /vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php
    /wp-content/plugins/wp-file-manager/lib/php/connector.minimal.php /timthumb.php /wp-includes/wlwmanifest.xml
    /xmlrpc.php /wp-admin/install.php /wp-admin/setup-config.php /wp-json/wp/v2/users /fckeditor/editor/filemanager/
    /struts2-showcase/index.action /kcfinder/upload.php /magmi/web/magmi.php /joomla/administrator/
    /administrator/index.php /user/register /install.php /setup/index.php /cgi-bin/awstats.pl
    /_vti_bin/shtml.dll /msadc/msadcs.dll /scripts/root.exe /iisadmpwd/ /ckfinder/ckfinder.html
    /uploadify/uploadify.php /elfinder/connector.php /bitrix/admin/ /umbraco/ /sitecore/login
    /Telerik.Web.UI.WebResource.axd /examples/jsp/snp/snoop.jsp /wp-content/plugins/revslider/readme.txt
    /components/com_jce/ /servlet/~ic/bsh.servlet.BshServlet
""".split()
TOOLS = ("sqlmap/1.{a}#stable (https://sqlmap.org)", "Mozilla/5.00 (Nikto/2.{a}.6) (Evasions:None) (Test:00{b})",
    "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)", "gobuster/3.{a}", "Fuzz Faster U Fool v{a}.0",
    "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)", "masscan/1.{a}", "Mozilla/5.0 zgrab/0.x",
    "WPScan v3.{a} (https://wpscan.org/)", "DirBuster-1.0-RC{a}", "Wfuzz/{a}.0", "w3af.org", "Arachni/v1.{a}",
    "Acunetix Web Vulnerability Scanner", "Netsparker/{a}", "Nessus SOAP v{a}", "OpenVAS {a}", "Havij", "Morfeus Fucking Scanner", "ZmEu",
    "Jorgee", "feroxbuster/2.{a}", "dirsearch/0.{a}", "whatweb/0.{a}", "commix/v{a}", "skipfish/2.{a}b", "Some security scan {a}", "jaeles",
    "Vulnerability scanner {a}")  # fmt: skip


def _folder(r: R) -> str:
    return r.choice(("", "", "", f"/{word(r)}", "/app", "/public", "/old", "/backup"))


def _request(r: R, path: str) -> Request:
    return Request(
        r.choice(("GET",) * 8 + ("HEAD", "POST")), path, None, browser(r), referer(r) if r.random() < 0.2 else None
    )


def secret(r: R) -> Request:
    """Files with secrets."""
    return _request(r, _folder(r) + r.choice(SECRETS))


def console(r: R) -> Request:
    """Consoles of servers and databases."""
    return _request(r, _folder(r) * (r.random() < 0.3) + r.choice(CONSOLES))


def device(r: R) -> Request:
    """Pages of routers, cameras and gateways."""
    return _request(r, r.choice(DEVICES))


def weak(r: R) -> Request:
    """Code that is known to be weak."""
    return _request(r, _folder(r) * (r.random() < 0.5) + r.choice(WEAK))


def tool(r: R) -> Request:
    """A tool that says its name, on any page."""
    agent = r.choice(TOOLS).format(a=r.randint(1, 9), b=r.randint(1000, 9999))
    return Request("GET", r.choice(PATHS) + r.choice(("", word(r))), None, agent, None)


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], Request]], ...] = (
    ("scanner_probe", "secret", "fit", 1.0, secret), ("scanner_probe", "console", "fit", 1.0, console), ("scanner_probe", "device", "evaluate", 0.7, device), ("scanner_probe", "weak", "calibrate", 0.7, weak), ("scanner_probe", "tool", "fit", 0.7, tool),
)  # fmt: skip
