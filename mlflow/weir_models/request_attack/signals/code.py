"""Signals of code for an interpreter behind the site: templates, Java lookups, serialised objects, XML, PHP."""

from __future__ import annotations

from functools import partial

from weir_models.request_attack.signals.signal import Signal

_template = partial(Signal, attack_class="template_injection")
_jndi = partial(Signal, attack_class="jndi_and_deserialisation")
_xxe = partial(Signal, attack_class="xxe_and_ssrf")
_php = partial(Signal, attack_class="php_and_webshell")

SIGNALS = (
    _template(
        "braces_arithmetic",
        weight=5,
        pattern=r"(?:\{\{|\$\{|#\{|\*\{|@\{|~\{|%\{|\{%|<%=|@\(|\$\(\()\s*=?\s*['\"]?\d+['\"]?\s*[*+x-]\s*['\"]?\d+|\[\[\s*['\"]?\d+['\"]?\s*\*\s*['\"]?\d+['\"]?\s*\]\]",
    ),
    _template(
        "braces_object",
        weight=5,
        pattern=r"(?:\{\{|\{%).{0,60}(?:__\w+__|\bself\b|\brequest\b|\bconfig\b|\blipsum\b|\bcycler\b|\bjoiner\b|\bnamespace\b|\bget_flashed|\b_self\b|\bapp\.|\bconstructor\b|\bpopen\b|\bsystem\b|\bimport\b|\binclude\b|\bdebug\b|\bsettings\.|\battr\b|\bfilter\b|\bphp\b|\bdump\s*\(|range\s*\(|\|\s*(?:attr|map|filter|join))",
    ),
    _template(
        "dunder",
        weight=5,
        pattern=r"__(?:class|mro|base|bases|subclasses|globals|builtins|import|init|getitem|dict|code|self)__|\[\]\.__|''\.__",
    ),
    _template(
        "expression_brace", weight=2.5, pattern=r"(?:\$|#|\*|@|%|~)\{[^}]{0,200}(?:\(|\[|\*|@|new\s|\.get|\.class)"
    ),
    _template(
        "java_expression",
        weight=5.5,
        pattern=r"\bt\s*\(\s*java\.|java\.(?:lang\.(?:runtime|processbuilder|system|class|string|thread|reflect|math|object)\b|io\.(?:file|fileinputstream|fileoutputstream|filereader|filewriter|bufferedreader|inputstreamreader|objectinputstream)\b|net\.(?:url|urlclassloader|socket|inetaddress)\b|util\.(?:scanner|hashmap|hashset|linkedhashset|priorityqueue|base64|arrays|collections)\b)|\bgetruntime\s*\(|\.\s*exec\s*\(|\bprocessbuilder\b|\bgetclass\s*\(\)|\.forname\s*\(|\bscriptenginemanager\b|\bjavax\.\w+\.\w+|\bcom\.opensymphony\b|\bnew\s+java\.|\bclass\.getresource|\bgetmethod\s*\(|\bnewinstance\s*\(|@grab(?:config|resolver|exclude)?\s*\(|@astest\b|\bgroovy\.\w+|\bgroovyx?\.",
    ),
    _template(
        "ognl",
        weight=5.5,
        pattern=r"_memberaccess\b|\ballowstaticmethodaccess\b|\bdenymethodexecution\b|\bognl\b|\bxwork2?\b|\bservletactioncontext\b|#(?:context|request|response|parameters|session|application|attr|cmd|iswin|process|_\w+|[a-z]{1,8})\s*(?:=|\[|\.)[^&]{0,80}(?:\(|@|#)|\b(?:redirect|action|redirectaction|method)\s*:\s*[$%#]|\(\s*#\w+\s*=|\\0?43\w|\bexcludeproperties\b|@[a-z_]\w*\.[\w.]+@\w+",
    ),
    _template(
        "directive",
        weight=5,
        pattern=r"<#(?:assign|list|if|import|include|function|macro|attempt|setting)\b|\?new\s*\(\s*\)|freemarker\b|#(?:set|foreach|include|parse|evaluate|macro)\s*\(\s*[$'\"]|\$(?:class|velocity\w*|request|ctx|application)\.(?:inspect|get\w+|type|class)|\{php\}|\{\$smarty|\{literal\}|\{if\s+\w+\(|<%\s*=?\s*(?:\d+\s*[*+]|system|require|file|`|io\.|response|import)|\bth:(?:text|utext|fragment)\b|__\$?\{|\}__::",
    ),
    _template(
        "braces_any", weight=0.5, pattern=r"\{\{[^}]{0,200}\}\}|\$\{[^}]{1,200}\}|\{%[^%]{1,200}%\}|#\{[^}]{1,200}\}"
    ),
    _template(
        "razor",
        weight=4,
        pattern=r"@\(\s*\d+\s*[*+]|@\{\s*\w|@(?:system|html\.raw|import|using|model)[\s.(]|\bsystem\.diagnostics\b",
    ),
    _template(
        "angular_escape",
        weight=4,
        pattern=r"\{\{.{0,80}(?:constructor|\$on|\$eval|tostring|charat|\bx\s*=|a\s*=|alert|\.call\()",
    ),
    _jndi("lookup", weight=7, pattern=r"\$\{\s*jndi\s*:|\bjndi\s*:\s*(?:ldaps?|rmi|dns|iiop|corba|nis|nds|https?)\s*:"),
    _jndi(
        "lookup_disguised",
        weight=6,
        pattern=r"\$\{(?:\$\{|[^}]{0,12}:[^}]{0,3}-|lower:|upper:|env:|sys:|date:|main:|ctx:|bundle:|java:|::-|k8s:|docker:|web:|base64:|script:|dns:|url:|hostname\b|hostna)",
    ),
    _jndi("lookup_address", weight=3, pattern=r"(?:^|[^a-z])(?:ldaps?|rmi|iiop|corba)://"),
    _jndi(
        "java_object",
        weight=6,
        pattern=r"\bro0ab[a-z0-9_-]|\bac\s?ed\s?00\s?05|\bh4siaaaaaaa|\byosoamay|\bysoserial\b|\bcommonscollections\d|\bbadattributevalueexp|\binvokertransformer\b|\btemplatesimpl\b|\bjdbcrowsetimpl\b|\burldns\b|\bc3p0\b|@type['\"\s:=]{1,6}\w",
    ),
    _jndi(
        "php_object",
        weight=5.5,
        pattern=r"(?:^|[^a-z0-9])[oc]:\+?\d+:[\"'\\]{1,3}[\w\\]+[\"'\\]{1,3}:\d+:\{|(?:^|[^a-z0-9])a:\d+:\{(?:i:\d+;|s:\d+:)[^&]{0,200}[oc]:\+?\d+:|\bo:\d+:",
    ),
    _jndi(
        "python_object",
        weight=6,
        pattern=r"!!\s?python/|!!\s?javax?\.|!!\s?map\s+|\bc(?:posix|os|nt)\s?\n|\bcsubprocess\s|__reduce__|\bgasv|_\$\$nd_func\$\$_|!ruby/|\bruby/(?:object|hash)|\bpickle\.loads|!!binary\b",
    ),
    _jndi(
        "class_loader",
        weight=6,
        pattern=r"class\.module\.class\s?loader|\bclass\.classloader|classloader\.(?:resources|url|defaultassertion)|\bclass\[['\"]?classloader|\bjava\.util\.(?:hashmap|priorityqueue)|\bjava\.beans\.|\bcom\.sun\.(?:rowset|org)|\bsun\.reflect",
    ),
    _jndi(
        "viewstate_or_soap",
        weight=4,
        pattern=r"\bobjectdataprovider\b|\blosformatter\b|\btypeconfusedelegate\b|\bsystem\.windows\.data\b|\bwindowsidentity\b|\bactivityksurrogate",
    ),
    _xxe(
        "entity",
        weight=6,
        pattern=r"<!\s*entity\b|<!\s*doctype\s+[^>]{0,80}(?:\[|system\b|public\b)|<!\s*element\s|\bsystem\s*['\"](?:file|https?|ftp|php|expect|gopher|netdoc|jar|//|[a-z]:)|%\w{1,12};\s*\]>|&xxe;",
    ),
    _xxe(
        "include",
        weight=5,
        pattern=r"\bxi:include\b|<xs:(?:include|import)\b|\bxsi:schemalocation\b|\bxinclude\b|<\?xml-stylesheet|\bxsl:(?:value-of|stylesheet|include|import|template)\b|<\?xml\s[^>]{0,80}\?>\s*<[!x]",
    ),
    _xxe(
        "local_file_address",
        weight=4.5,
        pattern=r"\bfile:/{1,3}(?:[\w.-]*/)?(?:\.+/)*(?:etc|proc|var|root|home|dev|usr|windows|winnt|c:/(?:windows|boot|winnt)|c\|/|localhost|127\.|opt|\.)|\bfile://?$",
    ),
    _xxe("file_address", weight=2, pattern=r"\bfile:/{2,3}\w"),
    _xxe(
        "address_scheme",
        weight=4.5,
        pattern=r"(?:^|[=\s\"'(,:])(?:gopher|dict|netdoc|jar|sftp|tftp|ldapi?|smb|afp|imap|pop3)s?:(?://|/[\w]|http)|\burl:(?:file|http)",
    ),
    _xxe(
        "metadata_service",
        weight=6,
        pattern=r"169\.254\.(?:169\.254|170\.2)|metadata\.(?:google|tencentyun|azure|packet)|/latest/(?:meta-data|user-data|dynamic|api/token)|/computemetadata/v1|/metadata/(?:instance|v1)|100\.100\.100\.200|\bmetadata\.internal|instance-data\b|/opc/v[12]/|\bfd00:ec2",
    ),
    _xxe(
        "own_host",
        weight=3,
        kinds="pvr",
        pattern=r"(?:https?|ftp):(?://|\\\\)(?:[^/@\s]{1,40}@)?(?:127\.\d+\.\d+\.?\d*|127\.1|localhost|localtest\.me|0\.0\.0\.0|0(?:[:/]|$)|\[::(?:1|ffff[^\]]*)?\]|\[::\]|0x7f|017700000001|2130706433|[a-z0-9.-]*\.?(?:nip|xip|sslip)\.io|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+|\d{8,10}(?:[:/]|$)|0x[0-9a-f]{8})",
    ),
    _xxe(
        "callback_host",
        weight=5,
        pattern=r"\b(?:burpcollaborator\.net|oastify\.com|oast\.(?:me|pro|live|site|online|fun)|interact\.sh|interactsh|dnslog\.\w+|ceye\.io|requestbin|webhook\.site|canarytokens|pingb\.in|bxss\.me|xss\.ht|ngrok\.io|r87\.(?:me|com)|eyes\.sh|beeceptor|requestcatcher|pipedream\.net|hackr\.io|vcap\.me|lvh\.me)",
    ),
    _xxe(
        "credentials_in_address",
        weight=1.5,
        kinds="pvr",
        pattern=r"https?://[\w.:%-]{1,60}@[\w.-]+(?:[:/]|$)|https?:///|https?:\\\\",
    ),
    _xxe("graph_introspection", weight=5, pattern=r"\b__schema\s*\{|\bintrospectionquery\b|\b__type\s*\(\s*name"),
    _php(
        "php_tag",
        weight=6,
        pattern=r"<\?(?:php\b|=|\s*(?:echo|system|eval|phpinfo|\$_|passthru|exec|print|include|require|fputs|file))|\?>\s*$",
    ),
    _php(
        "wrapper",
        weight=6,
        pattern=r"\bphp://(?:input|filter|stdin|memory|temp|fd|output)|\b(?:expect|phar|zip|glob|ogg|ssh2(?:\.\w+)?|compress\.\w+|zlib|rar)://|\bdata:(?://)?text/plain[;,]|\bdata://|convert\.base64-(?:en|de)code|\bconvert\.iconv\b|\bstring\.rot13\b",
    ),
    _php(
        "dangerous_call",
        weight=5,
        pattern=r"\b(?:system|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|create_function|call_user_func(?:_array)?|base64_decode|gzinflate|gzuncompress|str_rot13|file_put_contents|file_get_contents|fwrite|fputs|fopen|readfile|highlight_file|show_source|move_uploaded_file|phpinfo|phpversion|var_dump|print_r|die|ini_set|set_time_limit|error_reporting|preg_replace|array_map|unserialize|include|include_once|require|require_once|php_uname|get_defined_vars|getcwd|scandir|printf?|echo|exec|eval|execute|md5|chr)\s*\(\s*(?:['\"$@]|md5\s*\(|base64|chr\s*\(|\(?\d{3,}\s*[*)+]|get_|request|str|implode|join|file|gz|system|exec)|\b(?:phpinfo|phpversion|get_defined_vars|php_uname)\s*\(\s*-?\d?\s*\)",
    ),
    _php(
        "superglobal",
        weight=5.5,
        pattern=r"\$_(?:get|post|request|cookie|server|files|session|env)\b|\$globals\b|\$\{@|@\s*(?:eval|assert|print|system|var_dump|ini_set)\s*\(|\$\{\s*(?:phpinfo|print|system|eval|@)",
    ),
    _php(
        "configuration",
        weight=6,
        pattern=r"\b(?:allow_url_(?:include|fopen)|auto_(?:prepend|append)_file|disable_functions|open_basedir|safe_mode|cgi\.force_redirect|cgi\.redirect_status_env|suhosin\.simulation|register_globals)\b|^-[ds]\b|=?-d\s+\w+=",
    ),
    _php(
        "framework_call",
        weight=6,
        pattern=r"\binvokefunction\b|\bcall_user_func\b|\bthink\\|\\think\b|\bvars\[[01]\]|\bfilter\[\]=|\b_method=__construct|#(?:post_render|markup|lazy_builder|access_callback|pre_render|submit|validate)\b|\belement_parents=|\bdrupal_ajax\b.{0,60}form|\bajax/render/widget|\bwidgetconfig\[|\bconfirm\.php\?.{0,20}code|\bfunction=call_|\bcontroller=\.\./|\bs=/?index/|\binvoke(?:method|function)\b",
    ),
    _php(
        "remote_include",
        weight=3.5,
        pattern=r"(?:^|=)(?:https?|ftps?)://[^&\s]{3,120}(?:\.(?:txt|php\d?|inc|jpg|gif|dat|log|sh|phtml)\?{1,2}$|/(?:r57|c99|id|cmd|shell|test|bot|safe|evil|r0x|echo)\d{0,3}\.\w{2,4}\b|\?{1,2}$)",
    ),
    _php(
        "shell_name",
        weight=4.5,
        pattern=r"[/=](?:c99|r57|wso\d*|b374k|c100|alfa(?:-?rex|cgiapi|_data|new)?|shell\d*|webshell|cmd(?:asp|jsp)?|antsword|behinder|godzilla|weevely|mini\d?shell|1n73ction|indoxploit|leaf(?:mailer)?|mailer|xleet|0x\w{0,6}|up(?:load)?er?shell|up__\w+|spy(?:der)?|jspspy|aspxspy|phpspy|wp-?shell|marijuana|gel4y|fox(?:-?wso)?|doc\.php7|priv8|madspot\w*|sym403|g3|gank|bypass|filesman)\.(?:php\d?|phtml|jspx?|aspx?|cgi|pl|cfm|ashx)\b",
        kinds="pv",
    ),
    _php(
        "script_in_uploads",
        weight=4,
        pattern=r"/(?:wp-content/uploads|uploads?|files|images?|img|media|tmp|temp|cache|avatars?|attachments?)/(?:[\w./-]{0,80}/)?[\w.-]{1,60}\.(?:php\d?|phtml|phar|jspx?|aspx?|ashx|cgi|cfm)(?:[/;.\x00]|$)|\.(?:php\d?|phtml|jspx?|aspx?)(?:\.(?:jpe?g|png|gif)|::\$data|%00|\x00|;\.)",
        kinds="p",
    ),
    _php(
        "asp_or_jsp_code",
        weight=5.5,
        pattern=r"\b(?:server\.(?:createobject|execute|mappath|scripttimeout|transfer)|response\.(?:write|end|binarywrite)|wscript\.shell|scripting\.filesystemobject|adodb\.stream|on\s+error\s+resume\s+next|execute\s*\(\s*(?:\"|request)|eval\s+request|request\.(?:form|item|querystring)\s*[(\[]|getparameter\s*\(|<jsp:|<%@|<%!|cfexecute|<cf\w+)",
    ),
    _php(
        "shell_parameter",
        weight=2,
        pattern=r"^(?:cmd|exec|command|execute|shell|run|z\d|ppp|pass|c99|act)=(?:id|ls|dir|whoami|cat|uname|pwd|ifconfig|ipconfig|netstat|ps|phpinfo|system|echo|print|wget|curl|\w+\()",
        kinds="vr",
    ),
)
