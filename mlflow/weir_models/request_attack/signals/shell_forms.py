"""Signals of commands in less usual clothes: batch files, PowerShell, braces, variables, encoders, rarer tools."""

from __future__ import annotations

from functools import partial

from weir_models.request_attack.signals.signal import Signal
from weir_models.request_attack.signals.system import COMMANDS

_shell = partial(Signal, attack_class="command_injection", view="shell", kinds="pvr")
_anywhere = partial(Signal, attack_class="command_injection", view="shell")
_text = partial(Signal, attack_class="command_injection", view="text", kinds="pvr")

_START = r"(?:^|[=;|&`({\n]|\$\()\s*@?"
_CMDLET = r"(?:invoke|start|get|set|new|remove|add|out|import|test|stop|copy|select|convertto|convertfrom|write|read|where|foreach|resolve|enter|register|restart|rename|move|clear|measure|format|sort)-(?:expression|webrequest|restmethod|command|process|childitem|content|item|itemproperty|wmiobject|wmimethod|ciminstance|cimmethod|object|service|computerinfo|location|variable|string|file|module|connection|netconnection|sleep|alias|member|host|localuser|localgroupmember|aduser|psdrive|job|path|securestring|null|eventlog|winevent|hotfix|netipaddress|nettcpconnection|clipboard|scheduledtask|executionpolicy|pssession|bitstransfer|dnsname|date|random|history)\b"

SIGNALS = (
    _anywhere("batch_flow", weight=4,
        pattern=r"\bfor\s+/[lfdr]\s+(?:%|tokens|delims|usebackq|eol|skip|[a-z]:|\(|\.)|\bif\s+(?:/i\s+)?(?:not\s+)?(?:exist\s+[\w.]{0,40}[:\\/%]|defined\s+%?\w+\s*\(?\s*(?:echo|set|call|goto|start|cmd|del|ping|type)|errorlevel\s+\d)|%(?:\w{1,20}|\()?:~-?\d+(?:,-?\d+)?%|%(?:comspec|systemroot|windir)%|\bset\s+/p\b|[;&|(]\s*(?:goto\s*:\w+|goto\s+\w+|call\s+:\w+)|\bstart\s+/(?:b|min|wait)\b|@echo\s+off\b|\bcmd(?:\.exe)?\s*/[a-z](?::on|:off)?\s|%[a-z]\s+in\s*\([^)]*\)\s*do\b|\b(?:findstr|where)\s+/[a-z]\b|\bforfiles\s+/|\bwmic\s+(?:os|process|useraccount|service|/\w+|cpu|bios|computersystem|qfe|product)|\bschtasks\s*/|\bicacls\s|\battrib\s+[+-]|\breg\s+(?:query|add|delete|save)\s+\\?h|\bnetsh\s+\w+|\bvssadmin\s|\bsc\s+(?:query|config|create|stop)\b|(?:^|[;&|(`{=\n]|\bdo\s|\$\()\s*\(?\s*if\s+(?:/i\s+)?(?:not\s+)?\S{1,40}\s*(?:==|\b(?:equ|neq|lss|leq|gtr|geq)\b)\s*\S{1,40}\s+\(?\w|\bif\s+(?:/i\s+)?(?:not\s+)?%\w+%\s*(?:==|\b(?:equ|neq|lss|leq|gtr|geq)\b)|\bset\s+(?:/a\s+)?\w{1,20}=[^&|]{1,80}&+\s*(?:call\s+)?[%!]\w+|\btype\s+%\w+%",
        matches=("f=1&for+/l+%25i+in+(1,1,9)+do+ver", "f=if+exist+c:\\a+echo+b", "f=x&%25os:~0,1%25"),
        passes=("q=what+if+exist+happened", "q=for+/r/+fans", "q=%25path%25+variable")),
    _anywhere("windows_tool", weight=4,
        pattern=r"(?:^[\w.\[\]-]*=\s*|^|[;&|(`\n]|\$\()\s*@?(?:[a-z]:)?(?:[\w%]+\\)*(?:(?:pushd|popd|setlocal|endlocal|assoc|ftype|mklink|xcopy|robocopy|takeown|wevtutil|fsutil|bcdedit|gpresult|quser|qwinsta|nltest|dsquery|net1|nbtstat|pathping|driverquery|msiexec|installutil|msbuild|cmstp|odbcconf|msdt|rundll32|mshta|regsvr32|wscript|cscript|wmic|schtasks|netsh|icacls|cacls|diskpart|vssadmin|wbadmin|tasklist|taskkill|systeminfo|getmac|klist|setx|doskey|certreq|esentutl|extrac32|makecab|forfiles|pcalua|findstr|runas|winrs|winrm|fltmc)(?:\.exe)?(?:\s+[:/\\%\"$\w.-]|\s*[&|;)]|\s*$)|(?:cd|chdir|subst|cipher|compact|expand|dir|type|copy|move|del|erase|rd|md|ren|attrib|more|sort|find|date|time|vol|ver|path|prompt|color|cls|pause|rem|where|comp|fc|tree|replace|label|sc|at|reg|net|arp|route|ping|nslookup|ipconfig|hostname|whoami|curl|cmd)(?:\.exe)?\s+(?:%\w+%|[a-z]:\\|\\\\|[*]\.|\.\.?\\|\.\s*&|>|<))|(?:[;|&(`\n]|\$\()\s*@?(?:goto\s+:?\w|call\s+:\w|exit\s+/b|(?:dir|type|copy|move|del|erase|rd|md|ren|attrib|start|title|ver|vol|cls|choice|timeout|tree|where|comp|fc|label|set|echo|for|if|path|prompt|time|date|find|sort|more|net|sc|at|reg|arp|route|ipconfig|whoami|hostname|ping)(?:\.exe)?\s+(?:/[a-z?]{1,4}\b|%\w+%|!\w+!))",
        matches=("f=1&goto+:eof", "f=a|findstr+b", "f=;dir+/s+c:"), passes=("q=call+of+duty+where", "q=time+and+date")),
    _anywhere("power_shell_pipe", weight=4,
        pattern=r"(?:^|[;|&=(`{\n]|\$\()\s*(?:gps|ps|gsv|gci|ls|dir|gwmi|gcim|gc|cat|type|gp|gi|gv|gal|gcm|gm|sls|gmo|gjb|history|h|ghy|select-\w+|get-\w+|echo|write|\d+\.\.\d+)\b[^|&;]*\|\s*(?:select|select-\w+|sort|sort-object|where|where-\w+|\?|%|ft|fl|fw|measure\w*|group|group-object|out-\w+|format-\w+|convertto-\w+|export-\w+|sls|foreach|foreach-\w+|gm|oh|ogv|clip|set-\w+|invoke-\w+)\b|(?:^|[;|&=(`{\n\s])(?:gc|gci|gp|gi|gv|ls|dir|cat|type|cd|sl|ni|ri|si|sp|ii|cpi|mi|rni|sc|ac|clc|del|rm|sls|set-location|pushd)\s+(?:-\w+\s+)*(?:env|hklm|hkcu|hkcr|hku|variable|function|alias|cert|wsman|registry):|\b(?:sal|nal|set-alias|new-alias)\s+\w+\s+[\w-]+\s*(?:[;|&]|$)|\bwin32_\w+|(?:[;|&`{\n]|\$\(|^\()\s*\(?(?:gwmi|gcim|gps|gsv|gal|icm|saps|sajb|gjb|gv|gdr|spps|gi|gp|gc|gci|iex|iwr|irm)\b(?:\)?\s*\.\w+|\s*[{(\[$'\"]|\s+-\w|\s*\)?\s*\||\s*\)?\s*$|\s+\w*[\\:/*]|\s+\w+\s*(?:[;|)&]|$))|\b(?:gcm|get-command|gal)\s+[\w-]*\*[\w*-]*|(?:[;|&`{\n]|\$\()\s*(?:gc|gp|gi|gm|gv|gu|gmo|gin|sls|ni|ri|si|sp|cpi|mi|rni|ac|clc|ogv|epal|ipal|epcsv|ipcsv|ghy|rv|nv|sv|nmo|etsn|rjb|wjb|spjb|sajb|trcm|asnp|shcm|cvpa|rvpa|gtz|sbp|gcb|scb)\s+(?:-\w|[\w.]*[:\\/*$('\"]|\.|\w+\s*(?:$|[;|)]))",
        matches=("f=;gps|select+name", "f=gci+env:", "f=1;sls+-a+b"), passes=("q=ls+|+cd", "q=type+env+a")),
    _shell("batch_variable", weight=2,
        pattern=r"%(?:programfiles|programdata|appdata|localappdata|userprofile|username|userdomain|computername|temp|tmp|os|path|cd|random|pathext|homepath|homedrive|public|logonserver|processor_\w+|errorlevel|cmdcmdline)%",
        matches=("f=%25userprofile%25\\a", "f=echo+%25os%25"), passes=("q=%25off%25", "q=100%25path")),
    _anywhere("power_shell", weight=4.5,
        pattern=r"\biex\s*[($\"'&]|\|\s*(?:iex|invoke-expression)\b|\|\s*(?:\?|%|where(?:-object)?|foreach(?:-object)?|select|sort|sls|ft|fl|group|measure|tee)\s*(?:-\w+\s+)?\{|\{[^}]*\$_\b|\$_\s*(?:\.\w|-(?:match|like|eq|ne|gt|lt)\b)|(?:\{\d\}){2,}\s*-f\s*\w|\s-(?:b|c|i)?(?:replace|split|join)\s*[\w(\[$]+[,(\[$]|[;|&(]\s*[&.]\s*\$\w|\[array\]::|\bgv\s+\*|\$(?:pshome|shellid|verbosepreference)\b|\b(?:iex|iwr|irm|curl|wget)\s+-use(?:b|basicparsing)\b|\biex\s+\(|[&.]\s*\(\s*(?:['\"$]|(?:iex|iwr|irm|curl|wget|gc|gci|gp)\s|\w+\s*\+|gcm\b|get-command|\{\d)|\[char\[?\]?\]\s*\(?\d+|\[(?:system\.)?(?:convert|text\.\w+|net\.\w+|io\.\w+|reflection\.\w+|diagnostics\.\w+|environment|activator|scriptblock|runtime\.\w+|management\.\w+|security\.\w+|string|array|math|appdomain|ref\w*)\]\s*::|\.download(?:string|file|data)\s*\(|\bnew-object\s+(?:-com(?:object)?\s|(?:system\.)?(?:net|io|diagnostics|management)\.)|\s[-/](?:enc|encodedcommand|nop|noprofile|noni|noninteractive|ep|executionpolicy|w|windowstyle)\s+(?:bypass|hidden|unrestricted|[a-z0-9+/=]{16,}|-)|\$(?:env:\w|psversiontable|executioncontext|pshome|shellid|host\.ui|verbosepreference|\{env:)|\b(?:powershell|pwsh)(?:\.exe)?\s+(?:[-/({$&\"']|iex|iwr|irm|gci|gc|ls|dir|get-|invoke-|whoami)",
        matches=("f=iex(1)", "f=$env:path", "f=x;(New-Object+Net.WebClient).DownloadString('h')"),
        passes=("q=powershell+tutorial", "q=new+object+lamp", "q=iex+stock+price")),
    _anywhere("power_shell_command", weight=4,
        pattern=r"(?:[;|&`({\n]|\$\()\s*(?:" + _CMDLET + r"|(?:iex|iwr|irm|icm|gci|gwmi|gcim|saps|gps|gal|sal|spps|gcm|gdr|gsv|gjb|tnc|curl\.exe)\b(?:\s+[-$\"'(/\\.%:\w]|\s*$|\s*[;|&)]))|^[^=\s]{0,30}=?\s*(?:" + _CMDLET + r"|\b(?:iwr|irm|gci|gwmi|gcim|saps|gcm)\b)\s+(?:-\w+\s+[\w\"'.:/\\$*]{1,60}\s*[;|]|https?:|[a-z]:\\|[\"'(]?(?:https?|env|hklm|hkcu|function|variable|cert):|\$|\(|\.\\|/etc|\\\\)",
        matches=("f=1;Get-ChildItem+c:", "f=a|gci", "f=irm+http://h.example/a"), passes=("q=get-content+-raw", "q=start+process+improvement")),
    _shell("power_shell_word", weight=2,
        pattern=r"(?:^|[=\s])" + _CMDLET + r"(?:\s+-\w|\s*\(|\s+[\w.]+\s*$|\s*$)",
        matches=("f=Get-Process", "f=start-sleep+-s+5"), passes=("q=get+process+list", "q=out-of-date+file")),
    _anywhere("brace_words", weight=4,
        pattern=r"\{(?:/\w+)*/?" + COMMANDS + r",[^{}\s]*[-/.$*~:\\][^{}\s]*\}|\{,?" + COMMANDS + r",\}|\{,(?:/\w+)*/?" + COMMANDS + r"(?:,[^{}\s]+)?\}|(?:[;|&`]|\$\()\{\w{1,20},[^{}\s]+\}(?:$|[;|&`)])",
        matches=("f=;{tac,/etc/a}", "f={,ls}"), passes=("q={cat,dog}", "q={red,blue}")),
    _anywhere("variable_word", weight=4,
        pattern=r"(?:^|[;|&=\s])[a-z_]\w{0,10}=[\w/'.\\?*${}:-]{1,40}\s*(?:;|&&|\|\||\n)\s*(?:[a-z_]\w{0,10}=[\w/'.\\?*${}:-]{1,40}\s*(?:;|&&|\n)\s*)*(?:eval\s+)?\$\{?[a-z_]\w*\}?(?:\$|\s|\{|/|$|[;|&])|\$\{(?:path|home|pwd|shell|ifs|oldpwd|lang|hostname|bash\w*)(?::\d|%|#|//?|\^|,|@)|\$\{\w{1,20}:\d+:\d+\}|\$'\\?[\w\\]{2,}'?|\beval\s+[`$\"']|\$0\s*<<<|\bset\s+--?\s+\w+.{0,30}\$[1@*]",
        matches=("f=a=wh;b=oami;$a$b", "f=${PATH:0:1}bin", "f=$0<<<id"), passes=("q=a=b;c=d", "q=cost=$5;tax=$1")),
    _text("empty_variable", weight=3.8,
        pattern=r"&\s*\(\s*['\"]\w{1,12}['\"](?:[\s+]+['\"]\w{1,12}['\"])+\s*\)|\$'[a-z]\w{1,12}'|\b[a-z]{1,8}\$(?:[@*!]|\{[@*!1-9]\}|\(\))[a-z]{1,10}\b|/[a-z]{0,6}\$(?:[@*!1-9]|\{[@*!1-9]\}|\(\))[a-z]{1,8}",
        matches=("f=wh$@oami", "f=/bi$()n/ca$1t"), passes=("q=$5b+or+$6c", "q=ca$h")),
    _text("empty_variable_word", weight=2.7,
        pattern=r"\b(?:[a-z]{1,3}\$\{?[a-z_]{1,3}\}[a-z]{1,6}|[a-z]{1,6}\$\{\w{1,16}\}[a-z]{1,4})\s+(?:[-/~.*]|\S+[/.])",
        matches=("f=c${x}at+/etc/a", "f=l${uu}s+-la"), passes=("q=img${id}x.png", "q=${first}name+is+here")),
    _anywhere("encoded_command", weight=4,
        pattern=r"(?:\$\(|`|<\()\s*(?:printf|echo|xxd|base(?:64|32)|rev|tr|hex|awk|python\d?|perl|ruby|openssl|gunzip|zcat)\b[^)`]+[)`]|\b(?:printf|echo)\s+(?:-\w+\s+)?[\"']?(?:\\{1,2}x?[0-9a-f]{2,3}){2,}|\|\s*(?:xxd\s+-r|base(?:64|32)\s+-+d|rev\b|tr\s+\S+\s+\S+|openssl\s+\w+\s+-d|gunzip|zcat|uudecode)[^|]*(?:\||$)|\b(?:base64|base32|xxd|rev|tr|openssl)\b[^|]*\|\s*(?:/\w+/)*(?:ba|z|k|c|da|a)?sh\b|<<<\s*['\"$]?\w",
        matches=("f=$(printf+'id')", "f=echo+aWQ=|base64+-d|sh", "f=rev<<<'di'"), passes=("q=echo+dot", "q=printf+|+format")),
    _anywhere("rarer_tool", weight=4,
        pattern=r"(?:[;|&`(\n]|\$\()\s*(?:jjs|jrunscript|scapy|getcap|lsblk|dmesg|journalctl|loginctl|hostnamectl|gawk|tclsh|pkexec|ss|lscpu|lsmod|lspci|lsusb|mount|blkid|vmstat|iostat|free|uptime|groups|users|locale|nproc|tty|stty|sysctl|crontab|atq|jobs|set|export|declare|compgen|readlink|realpath|truncate|shred|mkfifo|fuser|pgrep|pstree|pmap|watch|timeout|nice|nohup|time|command|builtin|exec|source)\b(?:\s*(?:$|[|;&)`])|\s+(?:-\w|/\w|\.\.?/))|\b(?:socat\s+\S*[-:]|openssl\s+(?:s_client|enc|req)\b|rlwrap\s+\w|mknod\s+/|setsid\s+\w|pkexec\s+[-/\w]|aria2c\s|axel\s+-|gdb\s+-|strace\s+-|g?awk\s+[-{'\"]?\s*begin|find\s+\S+\s+.{0,80}-(?:exec|delete|perm|user|name)\b|xargs\s+(?:-\w+\s+)*(?:\w+|/)|dd\s+if=|vim?\s+-c|script\s+-q|whois\s+-h|ed\s+-s|env\s+-[iu]|tee\s+(?:-a\s+)?[/\w]+\.?\w*|m4\s+-|nsenter\s|unshare\s|docker\s+(?:exec|run\s.{0,60}-v\s*/)|kubectl\s+(?:exec|get\s+secrets?)|lua\s+-e|expect\s+-c|php\s+-[sra]\b|jrunscript\s+-|getcap\s+-|ss\s+-[tuln]+|ip\s+(?:a|addr|route|link)\b\s*(?:$|[;|&)]|show)|arp\s+-a|w\s+-h|stat\s+/|file\s+/|wc\s+(?:-\w+\s+)?/|diff\s+/|paste\s+/|fold\s+/|pr\s+/|rev\s+/|uniq\s+/|cut\s+-\w\S*\s+(?:-\w\S*\s+)*/|sed\s+(?:-\w+\s+)*['\"]?[\w,$]*['\"]?\s+/|install\s+-m|bzip2\s+-|curl\s+(?:-\w+\s+)*file:|ls\s+-[a-z]{1,5}\s+[/~.]|less\s+/|more\s+/)",
        matches=("f=socat+tcp:h.example:9+-", "f=x;dd+if=/dev/sda", "f=find+/+-perm+4000"),
        passes=("q=axel+springer", "q=find+a+hotel+named+rose", "q=tea+set")),
)  # fmt: skip
