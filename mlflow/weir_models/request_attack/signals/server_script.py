"""Signals of code for scripting languages on the server: interpolation, JavaScript, PHP in its many forms."""

from __future__ import annotations

from functools import partial

from weir_models.request_attack.signals.signal import Signal
from weir_models.request_attack.text.decoding import NULL_MARK

_template = partial(Signal, attack_class="template_injection", kinds="pvr")
_template_anywhere = partial(Signal, attack_class="template_injection")
_script = partial(Signal, attack_class="command_injection", kinds="pvr")
_php = partial(Signal, attack_class="php_and_webshell", kinds="pvr")

_RUNS = r"(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|eval|phpinfo|create_function|call_user_func(?:_array)?|array_(?:map|filter|walk)|usort|file_(?:get|put)_contents|readfile|fopen|highlight_file|show_source|scandir|base64_decode|str_rot13|gzinflate|unserialize|preg_replace(?:_callback)?|ini_set|getenv|get_defined_vars|include|require|print_r|var_dump|php_\w+|ini_get\w*|posix_\w+|get_\w+|sys_get\w+|curl_exec|fsockopen|stream_\w+|apache_\w+|disk_\w+|gethostname|getmypid|getcwd|getmyuid|phpversion|phpcredits|opendir|readdir|link|rename|file|parse_ini_file|extract|parse_str|register_shutdown_function|mail|putenv|dl|opcache_get_status|error_log|symlink|glob|chmod|unlink|copy)"
_GAP = r"(?:\s|/\*[^*]*\*/|#[^\n]*\n|//[^\n]*\n)"

SIGNALS = (
    _template_anywhere("interpolated_call", weight=4,
        pattern=r"(?:#\{|\$\{\\?|@\{\[?|~\{|%\{|<%[-=#]?|\{\{[-=#&{%]?|\{%-?|\[%|\{@|\{\$|\{php)[^}>]*(?:\bsystem\b|\bexec\w*\b|\bpopen\b|\bspawn\w*\b|`|%x[\[({|]|\beval\b|\bopen\s*\(|\b(?:file|io|dir|kernel|open3|pathname)\.\w+|\bglobal\b|\brequire\b|\bimport\b|\.execute\s*\(|\bconstructor\b|\breturn\b|\bprocess\.(?:mainmodule|binding|exit|version\w*|pid|cwd|env\b)|\bpassthru\b|\bphpinfo\b|\bfile_get_contents\b|\bread\s*\(|\b__\w+|\|\s*(?:system|map|filter|sort|reduce|attr|join|passthru|exec|shell|eval|safe\b.{0,10}\|)\s*[(:|]|\bsource\s*\(|\bget(?:class|runtime|template|environment)\b|\bsettings\b|\bobject_?space\b|\bself\b)",
        matches=("q=%23{`id`}", "q=<%25%3D+IO.popen('a')+%25>", "q={{['a']|map('b')}}"), passes=("q=${user_name}", "q={{user.name}}")),
    _template_anywhere("interpolated_number", weight=4.5,
        pattern=r"(?:\{|\[\[|\[%|<%[-=]?|\$\[\[?|#\{|@\{|\{@|\{=|\(\(|%\()\s*=?\s*['\"]?\d+['\"]?\s*\*\s*['\"]?\d+['\"]?\s*(?:\}|\]\]|%\]|%>|\))|(?:\{\{|\$\{|#\{|\*\{|@\{|~\{|%\{|<%=|\{%\s*print)\s*[=-]?\s*['\"]?\d+['\"]?\s*(?:[*x/^%-]{1,2}|\s)\s*['\"]?\d+['\"]?\s*(?:\}|%>|-?%\})",
        matches=("q={7*7}", "q=[%25+8*8+%25]"), passes=("q={7}", "q=[7*7]")),
    _template_anywhere("expression_scope", weight=4,
        pattern=r"(?:\$|#|\*|%|@|~)\{+\s*[!(]?\s*(?:(?:application|session|request|page)scope|pagecontext|facescontext|initparam|servletcontext|paramvalues|headervalues|empty\s+\w+\s*\?|t\(|beans?\[|#\w+[.=]|@\w+@|@\w+\.\w)|<%[-=]?\s*(?:env|self|binding|session|params|request|object|kernel|dir|file|io|global|rails)\b\s*[.\[]",
        matches=("q=${applicationScope.a}", "q=<%25-+ENV.to_h+%25>"), passes=("q=${session_id}", "q=#{page}")),
    _template("engine_words", weight=4,
        pattern=r"\b(?:__self__|_tplvar|smarty\.(?:version|template|const|server)|template_object|writefile|staticclass|runtimepackages|jinja2|nunjucks|velocityengine|\$\.getclass|lipsum|joiner|cycler|get_flashed_messages|objectspace|erb\.new|binding\.(?:eval|irb)|kernel\.(?:system|exec|open|spawn)|open3\.capture\w*|io\.(?:popen|read|readlines|sysopen)|file\.(?:read|open|readlines)\s*\(|dir\.(?:entries|glob|children)|posix\.\w+|code\.eval_string|system\.cmd|:os\.cmd|os\.(?:execute|getenv|tmpname)|io\.popen|package\.loadlib|debug\.getinfo)\b|\$\{\\\s*|@\{\[",
        matches=("q=IO.popen('a')", "q=@{[1]}"), passes=("q=io.github.com", "q=smarty+pants")),
    _script("server_javascript", weight=4, silence="searched",
        pattern=r"\bprocess\s*\.\s*(?:mainmodule\s*\.|binding\s*\(|dlopen\s*\(|stdout\s*\.|(?:exit|kill|abort|chdir|cwd|memoryusage|reallyexit)\s*\([^)]{0,60}\)\s*(?:$|[^\w\s]|\.))|(?:^|=|[;{}'\"`(]|return)\s*process\s*\.\s*(?:version\w*|platform|argv|pid|env|arch|execpath)\s*(?:$|[;\]}+'\"`]|\.\w+\s*(?:$|[;}'\"]))|\bprocess\s*\[\s*['\"]|\brequire\s*\(\s*['\"`](?:node:)?(?:child_process|vm|cluster|worker_threads|module)|\brequire\s*\(\s*['\"`](?:node:)?\w+['\"`]\s*\)\s*\.\s*(?:exec|spawn|read|write|unlink|readdir|request|get|createserver|hostname|networkinterfaces|fork)\w*|\bimport\s*\(\s*['\"`](?:node:)?(?:child_process|fs|os|vm|net)|\bglobal(?:this)?\s*(?:\.|\[\s*['\"`])\s*(?:process|require|constructor)|\breturn\s+(?:this|process|global\w*)\b.{0,20}\)|\b(?:res|response)\.(?:end|write|send|redirect|setheader|json)\s*\(\s*(?:['\"`][^'\"`]*['\"`]\s*\)\s*(?:$|[^\w\s])|\d|require|process|global|fs\.|this|\w+\s*[+(])|(?:^|[^\w.\s]\s*|\b(?:return|await)\s)fs\.(?:read|write|unlink|readdir|exists|stat|append|create)\w*\s*\(\s*['\"`_]|\bvm\.run\w+\s*\(\s*['\"`]|\bdeno\.(?:run|command|readtextfile|env)|\bbun\.(?:spawn|file)|\bbuffer\.from\s*\(\s*['\"`\[]|\bprocess\.mainmodule\b|\bfunction\s*\(\s*['\"`]\s*return\b|['\"`](?:node:)?child_process['\"`]",
        matches=("f=process.exit(1)", "f=res.end(1)", "f=require('fs').readFileSync('a')"), passes=("q=process.nothing", "q=response+end+date")),
    _script("endless_loop", weight=3.6, silence="searched",
        pattern=r"(?:['\"`;)}|&,-]\s*|^[^=]{0,40}=\s*|^)(?:(?:return\s+)?while\s*\(\s*(?:1|true|!0|!!1)\s*\)\s*(?:;|\{[^}]{0,20}\}\s*(?:;|'|\"|//|$)|$)|(?:return\s+)?for\s*\(\s*;\s*;\s*\)\s*(?:;|\{[^}]{0,20}\}\s*(?:;|'|\"|//|$)|$)|do\s*\{\s*\}\s*while\s*\(\s*(?:1|true))|\bnew\s+date\s*\(\s*\)\s*[-<>+].{0,40}(?:new\s+date|\d{3,})|\bdate\.now\s*\(\s*\)\s*[-+<].{0,60}\d{3,}",
        matches=("f=while(true){}", "f=';for(;;);"), passes=("q=while(true)+{+total+=+read(next);+}", "q=for(;;)+loop")),
    _script("prototype_by_name", weight=4.5, silence="searched",
        pattern=r"\b__proto__\s*(?:\]|\[|\.|['\"]\s*:\s*[{\[])|\bconstructor\s*['\"]?\s*(?:\]|\.|\[|['\"]?\s*:\s*\{\s*['\"]?)\s*\[?\s*['\"]?prototype\b|\b(?:object|constructor)\s*\]?\s*\.\s*prototype\s*(?:\[|\.)\s*['\"]?\w+['\"]?\s*\]?\s*=|^__proto__",
        matches=("__proto__[a]=1", "constructor[prototype][a]=1", "a[constructor][prototype][b]=c"),
        passes=("q=constructor+prototype", "prototype=1")),
    _php("short_tag", weight=4.5, silence="lesson",
        pattern=r"<\?\s*(?:[$@`({]|/\*|//|\w+\s*\()|<\?(?:\s+|=)(?:\$|@|`|\w+\s*(?:\(|/\*|['\"`$]))|<script[^>]{0,60}language\s*=\s*['\"]?php|[;)}]\s*\?>|<%\s*(?:\w+\s*\(|\$|@|`)",
        matches=("q=<?$a('b')?>", "q=<%3F+`id`"), passes=("q=<?xml+version=%221.0%22?>", "q=what+is+<?")),
    _php("call_with_gap", weight=4,
        pattern=r"(?:^|[^\w$>])\\?" + _RUNS + r"(?:/\*[^*]*\*/|#[^\n]*\n|//[^\n]*\n|[" + NULL_MARK + r"\x01-\x1f])" + _GAP + r"*\(|[\\@]\s*" + _RUNS + _GAP + r"*\(|(?:^|[;=.{('\"])\s*" + _RUNS + _GAP + r"+\(\s*(?:['\"$@`\\]|__\w+__|\)\s*;)|\[php\]|" + r"\b" + _RUNS + _GAP + r"*\(\s*__(?:file|dir|line)__",
        matches=("q=system/*x*/('id')", "q=\\passthru('a')", "q=;phpinfo+();"), passes=("q=system+(solar)", "q=mail+(new)")),
    _php("variable_call", weight=4.5,
        pattern=r"\$\{?['\"]?_?[a-z]\w{0,20}['\"]?\}?\s*(?:\[[^\]]{0,40}\]\s*){0,3}\(\s*(?:['\"$@`]|\w+\s*\()|\(\s*['\"][\\\w]{1,30}['\"]\s*(?:[.^]\s*['\"][^'\"]{1,30}['\"]\s*)+\)\s*\(|\(\s*['\"]" + _RUNS + r"['\"]\s*\)\s*\(|['\"]\s*" + _RUNS + r"['\"]\s*\(|['\"]\s*" + _RUNS + r"\s*['\"]\s*,\s*['\"$]|\$\{\s*['\"`]|\$\$\w+|\$\w{1,20}\s*=\s*['\"]?[\w.'\"^]{1,60}['\"]?\s*;\s*@?\$\w|\b(?:new\s+)?reflectionfunction\b|\(\s*new\s+\w+\s*\)\s*->|\bstrrev\s*\(\s*['\"]|\bimplode\s*\(\s*['\"]",
        matches=("q=$f('id')", "q=('sys'.'tem')('id')", "q=$a='system';$a('id')"), passes=("q=$(this)", "q=('a'.'b')")),
    _php("backtick_or_echo", weight=3.8,
        pattern=r"\b(?:echo|print|die|exit|return)\b\s*\(?\s*(?:`|\$_|@?" + _RUNS + r"\s*\(|shell_exec|md5\s*\(|\d{2,}\s*\*\s*\d{2,})",
        matches=("q=echo+`id`;", "q=print+system('a')"), passes=("q=echo+dot", "q=return+my+mail+(form)")),
    _php("wrapper_chain", weight=4.5,
        pattern=r"\bphp:\s*/{1,2}\s*\w+|\bconvert\.(?:base64|quoted|iconv)|\bresource\s*=\s*[\w./\\:]+.{0,40}\bconvert\b|\b(?:zip|phar|rar|ogg|glob|expect|ssh2|zlib|bzip2|compress\.\w+)\s*:\s*/{2}|\bdata:[^,\s]{0,60}(?:;base64)?,\s*(?:pd9|pd8|<\?|%3c)|\bstring\.(?:toupper|tolower|strip_tags|rot13)\b|\bdechunk\b|\bread=[\w.|-]+/resource=",
        matches=("f=php:/filter", "f=zip://a.zip%23b", "f=data:;base64,PD9waHA"), passes=("q=php:+introduction", "q=zip:+12345")),
)  # fmt: skip
