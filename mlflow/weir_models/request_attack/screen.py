"""The first look: which texts hold anything at all that a signal could speak about. Part of the model.

One linear pass of RE2 over the distinct texts; what it passes over scores as a request with no signal. It must be
wider than the signals together: a test runs every signal over texts that the screen lets go.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from weir_models.request_attack.signals import matches

_MARKS = r"""['"<>`;|\\^*(){}!$\x00-\x1f\x7f]|--|\.\.|/\.|/\./|//+[./]|\]\[|\[['"#$]|&&|%[^0-9]|[\x{2000}-\x{206f}\x{2460}-\x{24ff}\x{3000}\x{fb00}-\x{fb06}\x{fe00}-\x{ffff}\x{e000}\x{e001}\x{560a}\x{560d}]"""
_BASE64 = r"(?:^|[^A-Za-z0-9+_-])(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]){3,}"
_VALUE_WORDS = ["union", "select", "having", "sleep", "waitfor", "benchmark", "information_schema", "sysobjects", "syscolumns", "sysdatabases", "sysusers", "sqlite_", "pg_", "all_tables", "all_users", "user_tables", "dba_", "msys", "mysql", "master.", "sys.", "sysibm", "rdb$", "table_schema", "column_name", "table_name", "outfile", "dumpfile", "infile", "xp_", "sp_", "exec", "declare", "openrowset", "shutdown", "script", "alert", "prompt", "confirm", "eval", "document.", "onerror", "onload", "onclick", "onmouse", "onfocus", "javascript", "vbscript", "livescript", "mocha", "data:", "expression", "__proto__", "constructor", "prototype", "innerhtml", "etc/", "proc/", "win.ini", "boot.ini", "system32", "web-inf", "meta-inf", "windows/", "winnt", "var/log", "usr/", "bin/", "/dev/", "tmp/", "passwd", "htaccess", "cmd", "dir+", "dir%20", "whoami", "ifconfig", "ipconfig", "wget", "curl", "nslookup", "ping", "netstat", "uname", "powershell", "getent", "certutil", "ifs", "jndi", "ldap:", "ldaps:", "rmi:", "ro0ab", "aced0005", "h4siaaaa", "python/", "class.module", "classloader", "ruby/", "gasv", "file:", "gopher:", "dict:", "netdoc:", "jar:", "ftp:", "smb:", "php:", "expect:", "phar:", "zip:", "glob:", "zlib:", "169.254", "metadata", "localhost", "127.", "0x", "10.", "192.168", "172.", ".internal", "instance-data", "burpcollab", "oast", "interact", "dnslog", "ceye", "requestbin", "webhook", "canarytokens", "bxss", "ngrok", "nip.io", "xip.io", "sslip.io", "__schema", "__type", "introspection", "allow_url", "auto_prepend", "auto_append", "disable_functions", "invokefunction", "call_user", "vars", "filter", "_method", "think", "#post", "#markup", "element_parents", "ajax/render", "widgetconfig", "c99", "r57", "shell", "phpinfo", "system", "passthru", "assert", "base64_decode", "memberaccess", "ognl", "xwork", "opensymphony", "getruntime", "java.", "redirect:", "action:", "method:", "nessus", "acunetix", "nikto", "openvas", "netsparker", "appscan", "sqlmap", "w3af", "arachni", "skipfish", ".nasl", "evil.", "attacker.", "objectclass", "userpassword", "xsi:", "xinclude", "doctype", "entity", "schemalocation", "xmlns", "rcpt", "mail", "http/1", "limit", "order", "group", "null", ",null", "case", "in+boolean", "http:///", "credentials", "latest/", "computemetadata", ":8080", "onx=", "on="]
_VALUE_PATTERNS = r"(?:^|[=+ \d])(?:x?or|and)[+ ]+[-+~!\d]|(?:^|[=+ ])(?:x?or|and)[+ ]+\w+[+ ]*(?:=|like|is)|\$\{|https?:[^?]*\?+$|\.(?:php\d?|txt|asp|jsp)\?|[a-z]:/|^-[dns]|[=,]-\d|aaaaaaaaaaaaaaaaaaaa|:\d+:|\b(?:id|ls|dir|cat|ps|pwd|env|nc|sh|bash|echo|printf|print|expr)\b|==|\b(?:alert|top|self|window|location)\b|@[a-z]|@@|#\w*[=.(]|\x{0}"
_PATH_WORDS = ["admin", "phpmy", "pma", "mysql", "sql", "adminer", "pgadmin", "console", "manager", "jmx", "invoker", "jolokia", "actuator", "heapdump", "trace", "hystrix", "druid", "nacos", "solr", "_cat", "_cluster", "_search", "_nodes", "_all_dbs", "_utils", "_config", "_users", "script", "jenkins", "hudson", "asynch", "_ignition", "telescope", "horizon", "_debugbar", "debug", "elmah", "crx/", "querybuilder", "clientlibs", "axis2", "services", "cfide", "railo", "lucee", "weblogic", "wls", "_async", "bea_", "uddi", "jndi", "ws_utils", "hawtio", "kibana", "grafana", "prometheus", "metrics", "consul", "/v1/", "v2/_", "api/v1", "containers", "swagger", "api-docs", "graphiql", "portainer", "airflow", "flower", "jupyter", "zeppelin", "rundeck", "teamcity", "bamboo", "sonar", "nexus", "artifactory", "hnap", "boaform", "gponform", "goform", "cgi", "setup", "shell", "currentsetting", "tmunblock", "/sdk", "evox", "nmap", "nice", "nicepor", "ecp/", "owa/", "autodiscover", "ews/", "rpc/", "remote", "dana", "cscoe", "cscot", "global-protect", "sslmgr", "tmui", "mgmt", "vpn", "netscaler", "logon", "vsphere", "vropsplugin", "websso", "vcac", "hipreports", "onvif", "stalker", "streaming", "dvr", "isapi", "videostream", "snapshot.cgi", "axis", "webui", "level", "ping", "backupmgt", "rom-0", "diag", "apply.", "upnp", "soap", "moadmin", "hp/", "printer", "ipp/", "sap/", "irj", "nagios", "cacti", "zabbix", "centreon", "ispconfig", "webmin", "cpanel", "whm", "plesk", "vtiger", "zimbra", "zimlet", "horde", "roundcube", "squirrel", "a2billing", "recordings", "vicidial", "pbx", "asterisk", "phpunit", "eval-stdin", "vendor", "think", "struts", "showcase", ".action", "timthumb", "revslider", "wp-file", "elfinder", "connector", "kcfinder", "ckeditor", "fckeditor", "uploadify", "jquery-file", "wlwmanifest", "wp-", "xmlrpc", "install", "magmi", "downloader", "/rss", "joomla", "com_", "components", "changelog", "sites/default", "core/", "mt-", "awstats", "webcalendar", "vbulletin", "bitrix", "typo3", "umbraco", "site", "telerik", "dnn", "desktopmodules", "_vti", "_layouts", "msadc", "scripts", "iisadm", "aspnet_client", "seeyon", "weaver", "ispirit", "yyoa", "general", "mobile/", "servlet", "ueditor", "office", "landray", "kindeditor", "examples", "jbossmq", "backup", "dump", "database", ".bak", ".old", ".orig", ".save", ".swp", ".swo", ".tmp", ".sql", ".db", ".zip", ".tar", ".tgz", ".gz", ".rar", ".7z", ".pem", ".pfx", ".key", ".kdbx", ".ovpn", ".mdb", ".sqlite", ".env", ".git", ".svn", "config", "configuration", "settings", "parameters", "secret", "credential", "application", "appsettings", "phpinfo", "php_info", "server-", "sftp", "ftp-", "deployment", "composer", "docker", "vagrantfile", "procfile", "makefile", "serverless", "id_rsa", "id_dsa", "id_ed25519", "authorized", "known_hosts", "passwd", "shadow", "htpasswd", "firebase", "google-services", "client_secret", "aws", "service-account", "web.", "info.", "test.", "i.php", "login", "user/", "cms", "backend", "backoffice", "root", "sysadmin", "moderator", "manage", ".idc", ".htr", ".ida", ".idq", ".printer", ".htw", ".stm", ".cfm", ".nsf", ".dll", ".exe", ".cer", "upload", "files", "images/", "cache", "media", "tmp/", "temp", "avatars", "attachments", "etc/", "proc/", "win.ini", "boot.ini", "system32", "winnt", "windows", "web-inf", "meta-inf", "/dev/", "var/", "usr/", "bin/", "home/", "nessus", "acunetix", "nikto", "openvas", "qualys", "netsparker", "appscan", "sqlmap", "nuclei", "burp", ".nasl", "javascript", "union", "select", "sleep", "jndi", "alert", "eval", "php:", "http:", "https:", "ftp:", "file:", "pearcmd", "profiler", "db.", "auth.", "rest/", "test.php", "latest/", "rb", "computemetadata", "metadata", "opc/", "phpunit", "xampp", "wamp", "websql", "rockmongo", "mongo", "dbweb", "up.php", "c99", "r57", "wso", "b374k", "alfa", "webshell", "antsword", "behinder", "weevely", "leaf", "xleet", "spy", "1n73", "0x", "mailer", "priv8", "madspot", "filesman", "bypass", "marijuana", ".phtml", ".phar", ".jspx", ".aspx", ".ashx", ".asp", ".jsp", ".pl", "invokefunction", "actuator", "env$", ".php", "aaaaaaaaaaaaaaaaaaaa", "00000000000000000000"]
_AGENT = r"""['"<>`|\\^{}$\x00-\x1f]|\(\)|union|select|sleep\(|sql|nikto|ness|vas|nuclei|acunetix|sparker|invicti|scan|buster|search/|feroxbuster|fuzz|ffuf|masscan|zgrab|zmap|nmap|w3af|arachni|skipfish|havij|whatweb|wapiti|vega|inspect|qualys|burp|zap|jaeles|xray|goby|pocsuite|spider|metasploit|morfeus|zmeu|commix|dalfox|xss|jorgee|muie|fimap|grabber|paros|scarab|hydra|medusa|brutus|patator|cgichk|stealth|grendel|absinthe|pangolin|tplmap|l9|leakix|expanse|censys|internetmeasurement|pentest|bounty|exploit|detectify|intruder|probely|rapid7|nexpose|tenable|cobalt|hello|custom-async|alittle|gemini|oast|interact|collab|nasl|wget http|curl http|jndi|;\s*(?:cat|ls|id)"""


def _words(words: list[str]) -> str:
    return "|".join(sorted(re.escape(word) for word in set(words) if word))


PATTERNS = {
    "p": f"(?i:{_MARKS}|{_words(_PATH_WORDS)})",
    "v": f"(?i:{_MARKS}|{_words(_VALUE_WORDS)}|{_VALUE_PATTERNS})",
    "a": f"(?i:{_AGENT})",
    "m": ".",
}
PATTERNS["r"] = PATTERNS["v"]
UNDECODED = r"%[0-9a-fA-Fu]|&#|&[a-zA-Z][a-zA-Z0-9]*;|\\[ux]"


def undecoded(texts: pa.Array) -> NDArray[np.bool_]:
    """Which texts still carry an encoding."""
    return matches(texts, UNDECODED)


def hiding(texts: pa.Array) -> NDArray[np.bool_]:
    """Which decoded texts may hold another text in base64: four letters of it each begin with one of 32."""
    return matches(texts, _BASE64)


def suspicious(kind: str, texts: pa.Array) -> NDArray[np.bool_]:
    """Which decoded texts a signal could speak about."""
    return matches(texts, PATTERNS[kind])
