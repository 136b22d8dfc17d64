"""The pre-screen: which texts could make a signal fire. Part of the model.

A few passes of RE2, linear in the text; texts that pass none of them score as a request without a signal. The screen must
be wider than all signals together: tests run every signal on texts made of all patterns.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from weir_models.request_attack.signals.catalog import BY_NAME, SIGNALS
from weir_models.request_attack.signals.matching import matches
from weir_models.request_attack.signals.shell_forms import ALIASES
from weir_models.request_attack.signals.system import COMMANDS

_S = r"[\s+\x{a0}]*"
_MARKS = (
    r"['\"<`\\({\x00-\x1f\x7f]|--|\.\.|/\.[^w]|\./\.|//[/.]|^//|\]\[|\[[#$'\"]|&&|__|==|%[nspxd{(u]|%$|%\d+\$|[#@*~%]\{"
    r"|/\*|\*/|\*[)(]|\d\*\d|[!<]!|!=|\$[{(_@a-z]|\{\{|>[\s+]*[/&]|>>|[\w/]>$|\w~$|\?\?|@@|#\w*[=.]|\)[\s+]*#"
    r"|[\x{e000}\x{e001}\x{e003}\x{e004}\x{560a}\x{560d}^]|\[%|~\[|[\w/]\$[*!1-9]"
    rf"|\|\||\|{_S}(?:$|[/$.]|{COMMANDS}\b)|;{_S}(?:$|[a-z/$@#-])|&{_S}{COMMANDS}\b"
    r"|aaaaaaaaaaaa|xxxxxxxxxxxx|000000000000000|111111111111111"
)
FOLDED = r"[\x0b\x{80}-\x{bf}\x{34f}\x{61c}\x{180e}\x{2215}\x{2216}\x{2571}\x{2572}\x{29f5}\x{29f8}\x{29f9}\x{3002}\x{309a}\x{e003}\x{e004}\x{efc8}\x{f025}\x{2b0}-\x{2ff}\x{1d00}-\x{1dff}\x{2000}-\x{218f}\x{2460}-\x{24ff}\x{3000}\x{3200}-\x{33ff}\x{fb00}-\x{fb06}\x{fe00}-\x{ffff}\x{e000}\x{e001}\x{1d400}-\x{1d7ff}\x{130}-\x{133}\x{13f}\x{140}\x{149}\x{17f}\x{1c4}-\x{1cc}\x{1f1}-\x{1f3}\x{37a}\x{37e}\x{384}\x{385}\x{1e9a}\x{1fbd}-\x{1ffe}\x{2a74}-\x{2a76}\x{2c7c}\x{2c7d}\x{309b}\x{309c}\x{a7f2}-\x{a7f4}\x{fc5e}-\x{fc63}\x{fdfa}\x{fdfb}\x{fb29}\x{107a5}\x{1f100}-\x{1f190}\x{1fbf0}-\x{1fbf9}]"
"""Characters that folding changes into ASCII: a text with one of them is evaluated with all looks."""
_WORDS = (
    r"union[^a-z0-9=_]|select[^a-z0-9=&_-]|\b(?:order|group)[\s+]+by\b|\blimit[\s+]+\d|\bhaving[\s+]+\d|\bnull[\s+]*,|\bwhen\b|\bwaitfor\b",
    r"information_schema|sysobjects|syscolumns|sys(?:databases|users|processes)|sqlite_|pg_\w|all_(?:tables|users|tab)|user_ta|dba_|msysa|msyso|mysql\.|\bmaster\.|\bsys\.|sysibm|syscat|rdb|table_|column_",
    r"(?:out|dump|in)file|\b[sx]p_|\bexec[\s+(]|\bdeclare[\s+]|\b(?:insert[\s+]+into|delete[\s+]+from|drop[\s+]|alter[\s+]|truncate[\s+]|create[\s+]|update[\s+]|bulk[\s+])|system_user|session_user|current_|utl_|dbms_|ctxsys|openrowset|procedure",
    r"(?:^|[=\s+\d),]|\w)x?(?:or|and)[\s+]+(?:[-+~!\d(]|not\b)|(?:^|[=\s+\d),])x?(?:or|and)[\s+]+\S+[\s+]*(?:=|<>|\blike|\bis\b|\bin\b|\bbetween)|\bwhere[\s+]+\S+[\s+]*(?:=|like|in\b)",
    r"javascript|vbscript|livescript|mocha:|jscript|data:|script.{0,3}(?:alert|document|prompt|confirm|src)|document\s*[.\[?]|window\s*[.\[]|(?:self|top|parent|this|globalthis|frames)\s*[.\[]|location[\s+]*[.=]|localstorage|innerhtml|constructor|prototype|\bon[a-z]+[\s+]*=|\bv-|\bng-|orderby:|srcdoc|formaction|xlink:|fscommand|http-equiv|xmlns|\bthrow[\s+]|style=|-moz|-o-link|@import|@keyframes|expression",
    r"objectclass|userpassword|db\.\w|this\.\w",
    r"[/\\](?:etc|proc|var|usr|root|home|dev|s?bin|windows|winnt|inetpub)\b|(?:boot|win|system|php|desktop)\.ini|system32|ntuser|pagefile|global\.asa|httpd\.conf|[._]log\b|_history|id_[rd]sa|authorized_keys|known_hosts|(?:web|meta)-inf|etc/|proc/|windows/|\.(?:0x|u22|c0af)|0x2e|(?:^|[=/\s|])[a-z]:[/\\]|[a-z]\$|(?:con|nul|prn|aux|com1|lpt1)(?:[/\\.]|$)|\{file",
    r"\b(?:wget|curl|lynx|lwp-download|certutil|bitsadmin|tftp|whoami|uname|ifconfig|ipconfig|netstat|nslookup|traceroute|systeminfo|tasklist|powershell|pwsh|getent|netcat|ncat|busybox|telnetd|crontab|printenv|regsvr32|rundll32|[cw]script|mshta|cmd(?:\.exe|/)|cmd[\s+]*/|command\.com|mkfifo|nohup|killall|checkpoint-action|__import__|child_process|execsync|phpinfo|php_uname)\b",
    r"\b(?:cat|tac|head|tail|less|more|nl|ls|dir|type|cp|mv|rm|chmod|vi|grep|strings|sort|od|xxd|base64|tar|find|source|ping|sleep|nc|expr|set|net|timeout|choice|id|echo|printf|python\d?|perl|ruby|php|node|lua|import|ba?sh|zsh|os)(?:\.exe)?[\s+.]+(?:[-/\d.*]|[a-z]:|user|view|localgroup|start|os|socket|subprocess|pty|hosts|system|popen|[\w-]+\.)",
    r"java[x.]|java\.|groovy|ognl|xwork|opensymphony|servletaction|memberaccess|allowstatic|denymethod|excludeprop|getruntime|processbuilder|getclass|newinstance|\.exec|forname|scriptengine|(?:org|com|sun)\.\w+\.\w|class\.\w|classloader|freemarker|velocity|\bth:|redirect(?:action)?:|action:|method:|system\.diag|@(?:grab|astest|system|html\.|import|using|model)",
    r"jndi|ldaps?:|rmi:|iiop:|corba|ro0ab|aced|h4siaaaa|yosoamay|ysoserial|commonscoll|badattribute|invokertransf|templatesimpl|jdbcrowset|urldns|c3p0|@type|[oac]:\+?\d+:|python/|ruby/|\bgasv|pickle|nd_func|!!|objectdataprov|losformatter|typeconfused|activitysurr|activityksurr|windowsidentity|com\.sun|sun\.reflect",
    r"(?:file|gopher|dict|netdoc|jar|s?ftp|tftp|smb|afp|imap|pop3|php|expect|phar|zip|glob|ogg|ssh2|zlib|rar|url):|https?:(?:///|\\\\|//[^/]*@)|169\.254|metadata[./]|100\.100\.100|instance-data|opc/v|fd00|/latest/|computemeta|//(?:127\.|localhost|0[:/x.]|0$|\[|10\.|192\.168|172\.|\d\d\d\d\d\d\d\d|[a-z0-9.-]*(?:nip|xip|sslip)\.io)|burpcollab|oastify|\boast\.|interact|dnslog|ceye|requestbin|webhook|canarytok|pingb|bxss|xss\.ht|ngrok|r87|eyes\.sh|beeceptor|requestcatcher|pipedream|hackr|vcap\.me|lvh\.me|introspection|xinclude|schemalocation",
    r"allow_url|auto_(?:pre|ap)pend|disable_func|open_basedir|safe_mode|force_redirect|redirect_status|suhosin|register_globals|(?:^|[=&?\s+])-[ds]\b|invokefunction|call_user|think|vars\[|filter\[\]=|_method=|#(?:post|markup|lazy|access|pre_)|element_parents|drupal_ajax|ajax/render|widgetconfig|confirm\.php|vbulletin|controller=|s=/?index|globals",
    r"https?:[^&\s]+(?:\.(?:txt|php\d?|inc|jpg|gif|dat|log|sh|phtml)\?|/(?:r57|c99|id|cmd|shell|test|bot|safe|evil|r0x|echo)\d*\.|\?$)",
    r"(?:^|&|\?)(?:cmd|exec|command|execute|shell|run|z\d|ppp|pass|c99|act)=",
    r"nessus|acunetix|nikto|openvas|netsparker|appscan|sqlmap|w3af|arachni|skipfish|\.nasl|\bevil\.|\battacker\.",
    r"server\.(?:create|execute|mappath|scriptt|transfer)|response\.|wscript|filesystemobj|adodb|resume[\s+]next|request\.|getparameter|cfexecute|alert[?]|(?:cmd|shell|c99|r57|wso|b374k|c100|alfa|antsword|behinder|godzilla|weevely|mailer|spy|bypass|priv8|filesman)\w*\.(?:php|phtml|jsp|asp|cgi|pl|cfm|ashx)",
    r"union(?:select|all|distinct)|\d[\s+)]*union|::(?:text|int|numeric|varchar|regclass)|0x[0-9a-f]{6}|(?:extractvalue|updatexml|xmltype|geometrycollection|multi(?:point|polygon|linestring)|linestring|name_const|gtid_subset|gtid_subtract|st_latfromgeohash|json_(?:keys|extract|depth|type))[\s+]*[\w@~]|file(?:toc|tob)lob|\b(?:x?or|and|having|where|when)(?:[~!]|-+[\d.]+[\s+]*(?:[=<>!]|r?like|in\b|is\b|between))",
    r"globaleval|\.getscript|&(?:tab|newline|colon|[lr]par|sol|quot|apos|lt|gt|equals|grave|[lr]brace|bsol)\b|\[(?:alert|eval|constructor|cookie|location|fromcharcode|innerhtml)\]|(?:alert|prompt|true)[\s+]*[^a-z\s][^a-z]{0,11}/?script\b|throw[\s+]*[/\d]|urn:schemas|xi:include|(?:gopher|dict|netdoc|jar|s?ftp|smb|afp|imap|pop3|ldapi)s:|ldapi:|string\.rot13|system\.windows|#(?:submit|validate)|\?>|^;|/b\?n/|/[a-z?*]{0,5}\?[a-z?*]*/[a-z?*]*[?*]",
    r"behaviou?r[\s+]*:|\b(?:dynsrc|lowsrc|seeksegmenttime|attributename|datasrc|dataformatas|allowscriptaccess)[\s+]*=|\bon(?:page|mouse|key|drag|time)\w*[\s+]*=|x-on:|%\w{1,12};|&xxe|access_log|error_log|[/\\]sam\b|(?:order|group)[\s+]+by[\s+]+\(?[\s+]*\d|xsl:|@[a-z_]\w*\.[\w.]+@|(?:alert|prompt|confirm)\.(?:call|apply|bind)|convert\.|command\.com|cookie[\s+]*=[\s+]*true|(?:[;|&`]|&&)[\s+]*$|immediate|function=call_|invokemethod|^[|]|\b(?:[kc]|da)?sh[\s+]+-|\bprocess\.|subprocess|/(?:child|parent|descendant)::|\d[\s+)]*having|syscs|domain\.|heavyquery|(?:fetch|lynx)[^\w/.=_:-]",
    r"^[\s+]*(?:;|[|])|#\w+[\s+]*[.=\[]|\d[\s+)]*where|\d[\s+)]*(?:order|group)[\s+]+by|autoexec|\[\[[\s+]*\d|\bac[\s+]?ed[\s+]?00|(?:ssh2|compress)\.\w+:|(?:alert|prompt|confirm)[\s+]*\.|\bcopy[\s+]+\w+[\s+]+(?:from|to)|eval[\s+]+request|execute[\s+(]+(?:@|master|sp_|xp_|immediate)|md5sum|hexdump|useradd|rundll32|httpuritype|mysql[\s+]*\.|\bmaster[\s+]*\.|\bon(?:duration|ready|after|animation|aux|before|can|context|cue|full|got|hash|load|lost|play|pointer|property|resize|scroll|seek|select|touch|transition|unhandled|volume|wait|webkit|focus)\w*[\s+]*=|\bset[\s+]*/a|\bsocket\.|\btar[\s+]+-?[cxz]|-?\d+#|\bselect\b.*\bfrom\b.*\b(?:where|limit|union|join)\b",
    r"(?:etc|proc|var|windows|winnt|web-inf|inetpub)[^a-z0-9]{0,26}(?:passwd|shadow|hosts|group|issue|motd|crontab|fstab|sudoers|self|log|system32|win|repair|web\.?xml|classes|lib|wwwroot)|wwwroot|(?:https?|ftp|wss?|gopher|dict|ldap|[st]ftp|file)s?:[/\\]{0,4}(?:[^/@\s?#]{1,60}@)?(?:[\d\[]|localhost|metadata|kubernetes)|:[/\\]{1,4}[^/?#\s&]{0,80}(?:localhost|localdomain|lacolhost|yoogle|fbi\.com|\.(?:internal|svc|local|consul|arpa|us|ms|ctf|corp|lan|intranet)|internal|intranet|corp|lan|consul|local)\b|ip6-loop|[?&=@](?:127\.|0\.0\.0|169\.254|10\.|192\.168|\[::|localhost|0x|2130706433)",
    r"-(?:expression|webrequest|restmethod|command|process|childitem|content|item|itemproperty|wmi\w+|cim\w+|object|service|computerinfo|location|variable|string|file|module|connection|netconnection|sleep|alias|member|host|local\w+|aduser|psdrive|job|path|securestring|null|eventlog|winevent|hotfix|netip\w+|nettcp\w+|clipboard|scheduledtask|executionpolicy|pssession|bitstransfer|dnsname|date|random|history)(?:[^\w-]|$)|\b(?:iex|iwr|irm|icm|gci|gwmi|gcim|saps|sajb|gps|gal|sal|spps|gcm|gdr|gsv|gjb|tnc|jrunscript|pkexec|setsid|rlwrap|socat|mknod|nsenter|unshare|getcap|aria2c)\b|[;|&`({\n][\s+]*(?:gc|gp|gi|gm|gv|gu|gmo|gin|sls|ni|ri|si|sp|cpi|mi|rni|ac|clc|ogv|epal|ipal|epcsv|ipcsv|ghy|rv|nv|sv|nmo|etsn|rjb|wjb|spjb|trcm|asnp|shcm|cvpa|rvpa|gtz|sbp|gcb|scb|jjs|jrunscript|scapy|getcap|lsblk|dmesg|journalctl|loginctl|hostnamectl|gawk|tclsh|pkexec|ss|lscpu|lsmod|lspci|lsusb|mount|blkid|vmstat|iostat|free|uptime|groups|users|locale|nproc|tty|stty|sysctl|crontab|atq|jobs|set|export|declare|compgen|readlink|realpath|truncate|shred|mkfifo|fuser|pgrep|pstree|pmap|watch|timeout|nice|nohup|time|command|builtin|exec|source)\b|\b(?:openssl|axel|gdb|strace|g?awk|find|xargs|dd|vim?|script|whois|ed|env|tee|m4|docker|kubectl|expect|ss|ip|arp|w|stat|file|wc|diff|paste|fold|pr|rev|uniq|cut|sed|install|bzip2|less|more|findstr|where|forfiles|wmic|schtasks|icacls|attrib|reg|netsh|vssadmin|sc|if|for|start|call|goto)[\s+]+(?:[-/'\"%{.]|\w+[\s+]+(?:[-/]|show)|begin|exist|not|defined|errorlevel|os|process|useraccount|service|cpu|bios|computersystem|qfe|product|query|add|delete|save|config|create|stop|s_client|enc|req|sh|bash|\w+$|if=|exec|get|run|addr|route|link|a\b|:)|\bset[\s+]+[/-]|@echo",
    r"\b(?:or|and|xor)[\s+(!~-]*(?:not|true|false|null|exists|\w+[\s+]+(?:is|between|not|r?like|regexp|in)\b|\d+[\s+)]*(?:#|;|is|between|r?like|regexp|div))|\d[\s+]+xor|(?:ancestor|descendant|following|preceding|self|child|parent|attribute)[a-z-]*::|/resource=|resource=|dechunk|string\.(?:to|strip|rot)|reflectionfunction|(?:next|redirect\w*|return\w*|goto|dest\w*|continue|checkout_url|rurl|redir)=(?:https?:)?//",
    r"(?:jsessionid|phpsessid|sessionid|session_id|asp\.net_sessionid|cfid|cftoken|connect\.sid|\bsid)=|\[[\s+]*@|\|[\s+]*(?:/\w+/)*(?:ba|z|k|c|da|a)?sh\b|\[\][\s+)\]]|\[\[\]|%[a-z_]{2,20}%|//[^\x00-\x7f]|\bgv[\s+]+[*]|selecttop\w*from|[?&=][\s+]*[;|]|:~-?\d|\][\s+]*\||shell_exec|passthru|set-cookie|//[^&]*@|\[[\s+]*(?:text|last|position|contains|starts)|\[php\]|win32_",
    r"=[\s+]*(?:/[\s+\\\x00-\x1f]|\\|/{2,}[\\/]|https?:(?:[^/]|/[^/]|///)|(?:https?:)?/{0,2}[\w.%:-]{1,70}@)|\b(?:dir|type|copy|move|del|erase|rd|md|ren|title|exit|time|date|vol|ver|path|prompt|color|cls|pause|rem|comp|fc|tree|label|at|net|ping|hostname|curl|cmd|echo|sort|more)[\s+]+(?:/[a-z?]|%|[a-z]:|\\|[*]\.|\.|:|>|<)",
    r"(?:goto|call|pushd|popd|setlocal|endlocal|assoc|ftype|subst|mklink|xcopy|robocopy|takeown|wevtutil|fsutil|bcdedit|gpresult|quser|qwinsta|nltest|dsquery|net1|nbtstat|pathping|driverquery|msiexec|installutil|msbuild|cmstp|odbcconf|msdt|cacls|cipher|compact|diskpart|wbadmin|taskkill|getmac|klist|setx|doskey|certreq|esentutl|extrac32|makecab|expand|pcalua|findstr|runas|winrs|winrm|fltmc|wmic|schtasks|netsh)(?:\.exe|[\s+&|;)]|$)",
    r"\b(?:env|hklm|hkcu|hkcr|hku|variable|function|alias|cert|wsman|registry):|\|[\s+]*(?:select|sort|where|[?%]|ft|fl|fw|measure|group|out-|format-|foreach|gm|oh|ogv|clip|sls)|\b(?:sal|nal|set-alias|new-alias|gcm|get-command|gal)[\s+]|\.source|\][\s+]*::|(?:nip|xip|sslip)\.io|1u\.ms|rbndr|(?:localhost|127\.0\.0\.1|169\.254\.169\.254)[\s+#\\]*@|(?:icacls|vssadmin|attrib|schtasks)[\s+/]|!\[|\$[._$]|_=[\[(~!{]|\[char|\[@|compress\.",
    r"global(?:this)?[\s+]*[.\[]|s[\s+]*c[\s+]*r[\s+]*i[\s+]*p[\s+]*t[\s+]*:|mocha[\s+]*:|[\s+][-/](?:enc|nop|noni|ep|w|executionpolicy|windowstyle)|return[\s+]+(?:this|process|global)|jinja2|nunjucks|velocityengine|staticclass|runtimepackages|writefile|objectspace|erb\.new|binding\.|open3|posix\.|code\.eval|system\.cmd|os\.(?:cmd|execute|getenv|tmpname)|io\.(?:popen|read|sysopen)|file\.(?:read|open)|dir\.(?:entries|glob|children)|kernel\.|smarty",
    r"lipsum|joiner|cycler|get_flashed|_tplvar|template_object|package\.loadlib|debug\.getinfo|deno\.|bun\.|mainmodule|union[\s+]+(?:all[\s+]+|distinct[\s+]+)?(?:table|values)|-[>][>]?|@>|@@|@\?|#>|\?[|&]",
    r">[\s+]*\S+\.(?:php|txt|jsp|asp|sh)|[\"'`)\]}][\s)+]*[;+*/^|&,-]{1,3}[\s+(]*(?:alert|prompt|confirm|print|console|eval|document|window|location|settimeout|setinterval|self|top|this|function|fetch|new[\s+]+image|import|atob)\b|&[\s+]*/\w|(?:redirect|action|method)[\s+]*:|localtest\.me|[)][\s+]*(?:as[\s+]+\w+[\s+]+)?where[\s+]|\becho[\s+].{0,40}>|\bnc\.traditional"
    r"|[;|&\n][\s+@(,;=]*(?:query|erase|explorer|title|msg|hh|print|replace|expand|sc|call|start|where|net1?|route|if|for|echo|more|sort|move|ren|rename|attrib|tree|md|mkdir|rd|cd|chdir|label|path|prompt|color|comp|fc|compact|cipher|subst|assoc|ftype|shutdown|taskkill|ftp|tracert|getmac|regedit|at|clip|regasm|regsvcs|msxsl|diskshadow|ntdsutil|psexec|procdump|command)(?:[\s+>/.,:;(\x5c]|$)"
    r"|%[\w:]+[:=]|=[\s+]*if[\s+]|\bfor[\s+]*/|%[a-z][\s+]+in|\$(?:host|pwd|pid|home|profile|error|my|shell|is|ps)|[.&][\s+]*[({]|::|!\w+!"
    rf"|(?:[;|&\n({{=]|\$\()[\s+]*(?:{ALIASES}|gps|gal|gcm|iex|icm|sls|gip|tnc|sal|rmo|rsn|stz)\b|(?:foreach|if|while|switch)[\s+]*\(|(?:try|function[\s+]\w+)[\s+]*\{{|-join|[|&][\s+]*\(|[/\\](?:opt|run|boot|sys|dev)[/\\]|~root|\$\{{?home",
)
"""Words by subject; several small automata are faster than a large one, which exhausts RE2's cache of states."""
_BASE64 = r"(?:^|[^A-Za-z0-9+_-])(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]){3,}"
_HEX = r"(?:^|[^A-Za-z0-9])(?:0x)?(?:[2-7][0-9a-fA-F]){8}"
_UPLOADED = r"(?:uploads?|files?|images?|img|media|tmp|temp|cache|avatars?|attachments?|css|js|fonts|static|assets)/(?:[\w./-]*/)?[\w.-]+\.(?:php|phtml|phar|jsp|asp|ashx|cgi|cfm)|\.(?:php\d?|phtml|jspx?|aspx?)(?:\.(?:jpe?g|png|gif)|::|;)|^/?(?:https?|ftp):|\.(?:c99|r57)|/(?:c99|r57|wso\d*|b374k|c100|alfa|shell|webshell|mini|1n73|indoxploit|leaf|xleet|0x|up|spy|jspspy|aspxspy|phpspy|wp-?shell|marijuana|gel4y|fox|doc\.php7|priv8|madspot|sym403|g3|gank|bypass)[\w-]*\.(?:php|phtml|jsp|asp|cgi|pl|cfm|ashx)"

_WORD_LOOKS = tuple(f"(?i:{'|'.join(_WORDS[i : i + 2])})" for i in range(0, len(_WORDS), 2))

AGENT_GROUP = 8
"""Signals in one automaton for user agents: four to sixteen are equally fast, thirty exhaust RE2's cache of states."""


def _agent_looks() -> tuple[str, ...]:
    """The patterns of all signals that read user agents, and whatever makes a view differ from the text.

    There are few distinct user agents, and brackets and semicolons, which give a query away, stand in every browser's.
    """
    patterns = [signal.pattern for signal in SIGNALS if "a" in signal.kinds and signal.view != "tokens"]
    groups = [patterns[at : at + AGENT_GROUP] for at in range(0, len(patterns), AGENT_GROUP)]
    rewritten = r"['\"`\\^\x00-\x1f\x7f]|  |/\*|\*/|--|\$[{@*i]|[\x{e000}\x{e001}]"
    return (f"(?i:{rewritten})", *("(?i:" + "|".join(f"(?:{pattern})" for pattern in group) + ")" for group in groups))


PATH_END = re.compile(r"(?<!\\)\$")
"""Where a path ends: an encoded question mark begins a query, which is a unit of its own."""
_SHELL_NAME = f"(?i:{BY_NAME['shell_name'].pattern})"

LOOKS: dict[str, tuple[str, ...]] = {
    "v": (f"(?i:{_MARKS})", *_WORD_LOOKS, _SHELL_NAME),
    "r": (f"(?i:{_MARKS})", *_WORD_LOOKS),
    "p": (
        f"(?i:{_MARKS})",
        f"(?i:{_UPLOADED})",
        *_WORD_LOOKS,
        _SHELL_NAME,
        *(
            f"(?i:{PATH_END.sub(r'(?:$|[?])', signal.pattern)})"
            for signal in SIGNALS
            if signal.attack_class == "scanner_probe" and "p" in signal.kinds
        ),
    ),
    "a": _agent_looks(),
    "m": ("",),
}
LOOKS["c"] = LOOKS["v"]
"""Looks by kind of unit; a text passes the screen where one of them occurs."""
UNDECODED = r"%[0-9a-fA-Fu]|&#|&[a-zA-Z][a-zA-Z0-9]*;|\\[ux0-7]"
_LEAD = r"%(?:25)*[c-fC-F][0-9a-fA-F]"
MALFORMED = (
    rf"{_LEAD}(?:[^%]|%(?:25)*[0-7]|%[g-zG-Z])|%(?:25)*[cC][01]|%(?:25)*[eE]0%(?:25)*[89]|%(?:25)*[fF]0%(?:25)*8|%(?:25)*[fF][5-9a-fA-F]"
    r"|%(?:25)*(?:0[0-8bcefBCEF]|1[0-9a-fA-F])(?:[./\\]|%(?:25)*(?:2[eEfF]|5[cC]))|(?:[./\\]|2[eE])%(?:25)*(?:0[0-8bcefBCEF]|1)"
    r"|(?:^|[/.\\=])%[89abAB][0-9a-fA-F]|%[g-tv-zG-TV-Z][0-9a-zA-Z]|%[0-9a-fA-F][g-zG-Z]|%[0-9a-fA-F]?[./\\]|%[25](?:[^0-9a-zA-Z%]|$)|%[0-9a-fA-F]?%(?:25)*(?:2[eEfF]|5[cC])|(?:\+|%2[bB])[aA](?:[cC][48]|[fF][wW])-|%u(?:2[eEfF]|5[cC])"
    r"|(?i:(?:0x|\\x|u00)(?:2e|2f|5c)|[^a-z0-9]x(?:2e|2f|5c)|u(?:2024|2215|2216|2044|29f5|29f8|3002|ff0e|ff0f|ff3c|efc8|f025)|c0%*a[ef]|c1%*9c)"
    r"|(?i:(?:[^\w\s&./\\]|_x|u\+)[xu0+{]{0,5}(?:2[ef]|5c)[^0-9a-f].{0,12}(?:2[ef]|5c)|\\0?(?:5[67]|134).{1,8}\\0?(?:5[67]|134))"
)
"""Escapes of a field, as it was logged, that strict decoding leaves or rejects."""
LOST = (
    r"\.\.\?|\?\.|\?\?|[^\w\s&=]{6,}\w|\.\.[^.\s/\\][^.\s]{0,11}\.\.|\.\.[/\\][^.]{1,11}\.\."
    r"|(?i:\.\.(?:[^\w\s&./\\][^\s&.]{0,10}?|[_0xu+]{0,5}(?:2f|5c)_?|\\0?(?:57|134))"
    r"(?:\.[a-z]|etc|proc|var|usr|opt|home|root|win|inetpub|web-inf|meta-inf|conf|app|boot|php|my\.|passwd|wp-))"
)
"""Marks of a decoded field in which characters may have been lost, or which repeat junk."""


def undecoded(texts: pa.Array) -> NDArray[np.bool_]:
    """Which texts may still be encoded."""
    return matches(texts, UNDECODED)


def malformed(texts: pa.Array) -> NDArray[np.bool_]:
    """Which texts, as they were logged, have an escape that a lenient server reads otherwise."""
    return matches(texts, MALFORMED)


def has_pair_of_dots(texts: pa.Array) -> NDArray[np.bool_]:
    """Which decoded texts may climb."""
    return np.asarray(pc.match_substring(texts, "..").to_numpy(zero_copy_only=False), dtype=bool)


def lost(texts: pa.Array) -> NDArray[np.bool_]:
    """Which decoded texts may have lost separators or dots, or have junk in their place."""
    return matches(texts, LOST)


def hiding(texts: pa.Array) -> NDArray[np.bool_]:
    """Which decoded texts may contain base64 or hex of readable text, by the letters that ASCII gives at each position."""
    return matches(texts, f"{_BASE64}|{_HEX}")


def looks(kind: str, texts: pa.Array) -> NDArray[np.bool_]:
    """Which looks find something in which decoded texts; shape (looks, texts)."""
    by_look = np.zeros((len(LOOKS[kind]), len(texts)), dtype=bool)
    everything = matches(texts, FOLDED)
    if kind == "a":  # its looks are the signals' own patterns, which expect folded text, two of them without spaces
        texts = pc.replace_substring(texts, "+", " ")
        compact = pc.replace_substring(texts, " ", "")
        for signal in SIGNALS:
            if signal.view == "compact":
                everything |= matches(compact, f"(?i:{signal.pattern})")
    for number, pattern in enumerate(LOOKS[kind]):
        by_look[number] = matches(texts, pattern)
    by_look[:, everything] = True
    return by_look
