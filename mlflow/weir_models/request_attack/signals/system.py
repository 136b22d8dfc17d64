"""Signals of reaching the system: files and directories, shell commands, the protocol itself."""

from __future__ import annotations

from functools import partial

from weir_models.request_attack.signals.signal import Signal
from weir_models.request_attack.text.decoding import NULL_MARK, OVERLONG_MARK

_path = partial(Signal, attack_class="path_traversal")
_shell = partial(Signal, attack_class="command_injection", view="shell", kinds="pvr")
_shell_any = partial(Signal, attack_class="command_injection", view="shell")
_text = partial(Signal, attack_class="command_injection", view="text")
_protocol = partial(Signal, attack_class="protocol_abuse")

COMMANDS = r"(?:cat|tac|nl|head|tail|less|more|ls|dir|id|whoami|uname|hostname|pwd|ifconfig|ipconfig|netstat|ps|env|printenv|set|wget|curl|lynx|fetch|nc|ncat|netcat|telnet|ping|nslookup|dig|host|getent|traceroute|bash|sh|zsh|ksh|csh|dash|python[23]?|perl|ruby|php|node|lua|gcc|java|echo|printf|expr|sleep|touch|chmod|chown|mkdir|rm|rmdir|mv|cp|ln|find|grep|awk|sed|sort|cut|base64|xxd|tar|zip|unzip|gzip|crontab|kill|killall|sudo|su|passwd|useradd|mount|df|du|systeminfo|tasklist|net|type|ver|vol|copy|del|ren|reg|certutil|bitsadmin|powershell|pwsh|cmd|wscript|cscript|mshta|regsvr32|rundll32|tftp|ftp|ssh|scp|busybox|nohup|timeout|xterm|mail|sendmail|rev|tee|dd|strings|which|whereis|w|who|last|finger|arp|route|iptables|service|systemctl|reboot|shutdown|halt|md5sum|od|hexdump|getenforce|lsof|tcpdump|nmap)"
_CLEAR = r"(?:whoami|uname|ifconfig|ipconfig|netstat|printenv|nslookup|traceroute|systeminfo|tasklist|certutil|bitsadmin|powershell|pwsh|getent|wget|curl|netcat|ncat|tftp|busybox|crontab|md5sum|regsvr32|rundll32|cscript|wscript|mshta|hexdump|useradd|phpinfo)"
_END = r"(?:\s|$|[;|&<>)`'\"#,/\\])"

SIGNALS = (
    _path("up_once", weight=1.5, pattern=r"(?:^|[/\\=:;,?\s\w}]|\.{2})\.\.[/\\]"),
    _path("up_twice", weight=3.5, pattern=r"\.\.[/\\]+(?:\.[/\\]+)*\.\.(?:[/\\]|$)"),
    _path("up_thrice", weight=2.5, pattern=r"(?:\.\.[/\\]+){3,}"),
    _path(
        "up_disguised",
        weight=4,
        pattern=r"\.\.;[/\\]|[/\\]\.{4,}[/\\{]|\.{4,}[/\\]{1,2}\.{2,}|(?:\.\.\\/|\.\./\\){1,}|\.\.(?:0x2f|0x5c|%2f|%5c|c0af|u2215|u2216|%c0|%c1)|(?:0x2e){2}|/\.\.\.+/|\.\.[^\w\s./\\=&?]{1,3}[/\\]?\.\.",
    ),
    _path(
        "up_overlong",
        weight=5,
        pattern=r"\.\." + ".{0,3}" + OVERLONG_MARK + "|" + OVERLONG_MARK + r".{0,3}\.\.|[/\\]" + OVERLONG_MARK,
    ),
    _path("dot_walk", weight=3.5, pattern=r"(?:\./){6,}|(?:/\.){5,}/|/{6,}|\\{6,}|(?:\.\.?[/\\]{2,}){2,}"),
    _path(
        "system_file",
        weight=5,
        pattern=r"[/\\](?:etc[/\\]+(?:\.[/\\]+)*(?:passwd|shadow|group|hosts|issue|motd|fstab|crontab|sudoers|my\.cnf|mysql|apache2?|httpd|nginx|php\.ini|ssh|resolv|hostname|os-release|environment|profile|services|security|master\.passwd|lsb-release|rc\.|init\.d|cron)|proc[/\\]+(?:self|version|cpuinfo|cmdline|environ|net|mounts|\d+)|var[/\\]+(?:log|www|spool|lib|run)[/\\]|usr[/\\]+(?:local|bin|share|lib)[/\\]|root[/\\]+\.|home[/\\]+\w+[/\\]+\.|windows[/\\]+(?:win|system|system32|php|repair|panther)\b|winnt[/\\]|boot\.ini|win\.ini|system\.ini|system32|php\.ini|inetpub|ntuser\.dat|(?:config|repair)[/\\]sam\b|pagefile\.sys|autoexec\.bat|desktop\.ini|global\.asa|httpd\.conf|access[._]log|error[._]log|bash_history|id_[rd]sa|authorized_keys|known_hosts|web-inf|meta-inf)",
    ),
    _path(
        "system_file_start",
        weight=3.5,
        view="value",
        pattern=r"^/?(?:etc/(?:passwd|shadow|hosts|group|issue)|proc/(?:self|version)|boot\.ini|win\.ini|web-inf/|windows[/\\]win\.ini)",
    ),
    _path("system_file_quoted", weight=4, view="shell", pattern=r"/etc/(?:passwd|shadow|group|hosts|issue)"),
    _path(
        "drive",
        weight=3.5,
        pattern=r"(?:^|[=/\s\"'|])[a-z]:[/\\]{1,2}(?:windows|winnt|boot|inetpub|xampp|wamp|apache|mysql|temp|\w+\.ini|\w+\.log|\.\.)|\\\\[\w.:-]+\\[\w$]+\\|[a-z]\$\\",
    ),
    _path(
        "device_file",
        weight=3.5,
        pattern=r"/dev/(?:null|tcp|udp|zero|u?random|stdin|fd)|\\\\\.\\|[/\\](?:con|nul|prn|aux|com1|lpt1)(?:[/\\.]|$)",
    ),
    _path("null_cut", weight=3.5, pattern=r"[\w/]" + NULL_MARK + r"(?:\.\w{2,5}|$|/)"),
    _path("placeholder", weight=3, pattern=r"[/\\.]\{file\}|\{file(?:name|path)?\}$"),
    _path("dot_run", weight=2, pattern=r"[/\\]\.{5,}|\.{8,}\w*[/\\]?(?:etc|windows|boot|web-inf|\{)"),
    _shell(
        "after_separator",
        weight=3.5,
        pattern=r"(?:[;`\n]|\|\||&&|&\s|\$\(|<\(|>\(|(?:^|[=\s\d'\"),;|&])\|)\s*(?:/\w+)*/?"
        + COMMANDS
        + r"(?:\s+-|\s+/|\s+\$|\s+[a-z]:|\s+\d|\s*[|;&`)<>]|\s*$)",
    ),
    _shell(
        "command_after_separator",
        weight=2.5,
        pattern=r"(?:[;|`\n]|\|\||&&|\$\()\s*(?:/\w+)*/?"
        + COMMANDS
        + r"(?:\.exe)?\s+(?:[-/$~.\\@{*]|\S{0,40}[/\\.:|;&`])",
    ),
    _shell(
        "clear_command",
        weight=3.5,
        pattern=r"(?:[;|`&\n(]|/bin/)\s*"
        + _CLEAR
        + r"(?:\.exe)?"
        + _END
        + r"|(?:^|=)\s*"
        + _CLEAR
        + r"(?:\.exe)?(?:$|[;|&`]|\s+[-/$.]|\s+\w+[./:])|\bbusybox\s+\w+|\btelnetd\s",
    ),
    _shell(
        "download",
        weight=4.5,
        pattern=r"\b(?:wget|curl|lwp-download|lynx|fetch|certutil|bitsadmin|tftp)\b[^\w/.=_:-]{1,3}.{0,60}(?:https?:|ftp:|//|\d{1,3}\.\d{1,3}\.\d)|\|\s*(?:ba|z|k|c|da)?sh\b",
    ),
    _shell(
        "shell_path",
        weight=4.5,
        pattern=r"/(?:usr/)?(?:s?bin)/(?:ba|z|k|c|da|a)?sh\b|/(?:usr/)?(?:local/)?s?bin/(?:cat|ls|id|nc|ps|ping|sleep|wget|curl|perl|python\d?|uname|echo|tar|sudo|rm|touch|printenv|netcat|whoami|env|cp|mv|dd|mount|su|kill|date|hostname|telnet|chmod|base64|awk|nslookup|dig|host|id)(?:\s|$|[;|&)`<>])|/etc/sudo\b|\bcmd(?:\.exe)?\s*/[ck]\b|\bcmd\.exe|\bcommand\.com|powershell(?:\.exe)?\s+[-/(i]|\b(?:ba)?sh\s+-[ci]\b",
    ),
    _shell(
        "file_argument",
        weight=4,
        pattern=r"\b(?:cat|tac|head|tail|less|more|nl|ls|dir|type|cp|mv|rm|chmod|vi|grep|strings|sort|od|xxd|base64|tar|find|source)\b\s+(?:-\w+\s+)*(?:\.{0,2}/(?:\*|etc|proc|var|tmp|home|root|bin|usr|dev|opt|flag|\.)|[a-z]:[\\/]|[a-z]:(?:$|[\s|&;])|/$)",
    ),
    _shell(
        "probe_command",
        weight=4,
        pattern=r"\bping(?:\.exe)?\s+-[ncwit]\s*\d|\bsleep\s+\d{1,3}\s*(?:$|[;&|`)#])|\bnslookup\s+[\w-]+\.|\bnc(?:at|\.traditional)?\s+(?:-\w+|[\w-]+\.[\w.-]+\s+\d)|\bexpr\s+\d+\s*[*+-]|\bset\s*/a\s+\d|\bnet\s+(?:user|view|localgroup|start)\b|\btimeout\s+/t|\bchoice\s+/t|\buname\s+-a|\bid\s*[;|`]|\bgetent\s+hosts|\$\(\(|\becho\s+.{0,40}(?:\||>|\$\(|`)|\bprintf\s+.{1,60}\|",
    ),
    _shell_any(
        "substitution",
        weight=3,
        pattern=r"\$\(\s*(?:/?\w+[/\s-]|\w+\s*\)|<)|`\s*(?:/?[a-z]+[/\s.-][^`]{0,100}|id|ls|whoami|pwd|uname|env|date|hostname|false|true|dir)\s*`",
    ),
    _text(
        "field_separator",
        weight=5,
        pattern=r"\$\{?ifs\b|\$ifs\$|\$\{path:|\$\{home:|\$\{?shell\b|\$\{?bash\b|\{(?:cat|ls|wget|curl|nc|bash|sh|ping),[^}]{1,80}\}|<\s*/etc/",
    ),
    _shell_any(
        "redirect",
        weight=3,
        pattern=r"[12&]?>{1,2}\s*(?:/dev/null|/tmp/|/var/|&1|\S+\.(?:php|txt|jsp|asp|sh))|2>&1|</dev/tcp|/dev/tcp/|\bmkfifo\b",
    ),
    _text("shellshock", weight=6, pattern=r"\(\s*\)\s*\{\s*[:_\w]?\s*;?\s*[^}]{0,40}\}\s*;?|\(\)\s*\{\s*:"),
    _shell(
        "script_one_liner",
        weight=4,
        pattern=r"\b(?:python\d?|perl|ruby|php|node|lua)\s+-[cer]\b|\bphp\s+-r\b|\bimport\s+(?:os|socket|subprocess|pty)\b|\bos\.(?:system|popen)\s*\(|\bsubprocess\.\w+\s*\(|__import__\s*\(|\bchild_process\b|\bexecsync\s*\(|\bspawn(?:sync)?\s*\(|\bprocess\.(?:env|mainmodule|exit)|\brequire\s*\(\s*['\"](?:child_process|fs|os)|\bsocket\.(?:gethostbyname|socket)",
    ),
    _shell(
        "upload_rights",
        weight=3.5,
        pattern=r"\bchmod\s+(?:\+x|[0-7]{3,4})\b|\brm\s+-[rf]+\b|\btar\s+-?[cxz]\w*f\b|\bcrontab\s+-|--checkpoint-action|\bnohup\s|\bkillall\s|\bbase64\s+(?:-d|--decode)",
    ),
    _text(
        "quoted_command",
        weight=2.5,
        pattern=r"\b[a-z]{0,4}(?:''|\"\"|\\|\$@)[a-z]{1,6}\s*(?:/|-|\w)*(?:/?(?:e|\?)(?:''|\"\"|\\|\?|\*)|passwd)|/b\?n/|/[a-z?*]{2,5}\?[a-z?*]*/[a-z?*]*[?*]",
    ),
    _text("wildcard_path", weight=3.6, pattern=r"/\?{2,}/|/[a-z]{0,3}\?[a-z?]*/[a-z?]*\?"),
    _text(
        "server_side_include",
        weight=6,
        pattern=r"<!--\s*#\s*(?:exec|include|echo|config|set|printenv|fsize|flastmod)\b",
    ),
    _text("separators_only", weight=1, pattern=r"(?:^|\s|=)(?:\|\||&&|[;|&`])\s*$|^[\s'\"]*(?:;|\||&&|\|\|)\s*\w+"),
    _protocol(
        "header_after_line_end",
        weight=5,
        pattern=r"[\r\n]+\s*(?:set-cookie2?|location|content-(?:type|length|disposition|security-policy)|x-[a-z-]{2,40}|host|transfer-encoding|http/1|refresh|bcc|cc|to|from|subject|access-control-\w+|cookie|user-agent|referer|p3p|link)\s*:?",
    ),
    _protocol("header_name_after_line_end", weight=3, pattern=r"[\r\n]+\s*[a-z][a-z0-9]*(?:-[a-z0-9]+)*\s?:\s?[^/\s]"),
    _protocol(
        "request_after_line_end",
        weight=5,
        pattern=r"[\r\n]+\s*(?:get|post|put|delete|head|options|trace|connect)\s+/?\S*\s*http/|[\r\n]\s*http/[12]|[\r\n]+\s*(?:rcpt\s+to|mail\s+from|helo|ehlo|quit|data|vrfy|expn|auth\s+login|\w+\s+(?:capability|fetch|select|logout|login|list|noop|lsub|examine|rename|status))\b",
    ),
    _protocol("line_end_in_path", weight=3.5, pattern=r"[\r\n]", kinds="p"),
    _protocol(
        "line_end_disguised", weight=4, pattern="[\u560a\u560d]|" + r"[\r\n]" + OVERLONG_MARK + r"|%0[ad]|%%0[ad]"
    ),
    _protocol("null_byte", weight=2.5, pattern=NULL_MARK),
    _protocol("overlong_encoding", weight=3, pattern=OVERLONG_MARK),
    _protocol("format_string", weight=4, pattern=r"(?:%[0-9]*[nsxdp]){4,}|%\d+\$[nsxp]"),
    _protocol("endless_repetition", weight=3.6, pattern=r"a{200,}|x{200,}|0{300,}|1{300,}|(?:%00){8,}|/{40,}"),
    _protocol("foreign_address_as_path", weight=4, pattern=r"^(?:https?|ftp)://", kinds="p"),
    _protocol(
        "unusual_method",
        weight=5,
        pattern=r"^(?:trace|track|connect|debug|propfind|proppatch|mkcol|move|search|lock|unlock|link|unlink|purge|ban|[a-z]*[^a-z\s-][a-z]*|[a-z]{16,}|cust|foo|test|abc|xxxx|hello|index|nessus|qualys|acunetix)$",
        kinds="m",
    ),
    _protocol(
        "write_method_to_script",
        weight=5,
        pattern=r"^(?:put|move|copy)\s.*\.(?:jspx?|php\d?|phtml|asp|aspx|ashx|cer|cgi|pl|sh|war)/?(?:::\$data|\s|$)",
        kinds="m",
    ),
)
