"""Signals of injection into queries: SQL first, then document stores, LDAP and XPath. On views without comments."""

from __future__ import annotations

from functools import partial

from weir_models.request_attack.signals.signal import Signal

_sql = partial(Signal, attack_class="sqli", view="sql")
_raw = partial(Signal, attack_class="sqli", view="value")
_any = partial(Signal, attack_class="sqli")
_tok = partial(Signal, attack_class="sqli", view="tokens")

_LOGIC = r"(?:\b(?:or|and|xor|having|where|when)\b|\|\||&&)"
_COMPARE = r"(?:<=>|<>|!=|>=|<=|=|>|<|\b(?:not\s+)?(?:like|rlike|regexp|glob|between|in|is|sounds\s+like)\b)"

_OPERAND = r"(?:[1svn]|f\([^ ]{0,30}?\))"

SIGNALS = (
    _sql("union_select", weight=6, pattern=r"union[\s(]*(?:all|distinct|distinctrow)?[\s(@`!.]*select\b"),
    _sql(
        "select_list",
        weight=3.5,
        pattern=r"\bselect\b[\s(]*(?:all\s|distinct\s|top\s+\d+\s)?[\s(]*(?:\*\s*from|null\b\s*(?:,|from|$|-)|@@?\w|\w+\s*\([^)]{0,80}\)\s*(?:,|from|\)|$|as\b|--)|-?\d+\s*(?:,|from\b|\)|--|;|#|$)|'[^']{0,40}'\s*(?:,|from|\))|0x[0-9a-f]+)",
    ),
    _sql(
        "select_columns_from",
        weight=3,
        pattern=r"\bselect\b\s+(?:[\w.`\"\[\]@]+\s*,\s*)+[\w.`\"\[\]@()*]+\s+from\s+[\w.`\"\[(]+",
    ),
    _sql(
        "select_where",
        weight=2.5,
        pattern=r"\bselect\b.{1,200}\bfrom\b.{1,200}\b(?:where|limit|union|join|group\s+by|order\s+by)\b.{0,80}(?:=|<|>|\d|like|is\s+null)",
    ),
    _sql(
        "subselect",
        weight=4,
        pattern=r"(?:[(=,+|'!~-]|\b(?:in|exists|and|or|all|any))\s*\(\s*select\b[\s(@'*\d\w]|\(\s*select\s+(?:top\s+\d+\s+|distinct\s+)?[\w(),*@.]+\s+from\s+[\w.]+(?:\s*\)|\s+(?:where|limit|order)\b|\s*$)",
    ),
    _sql(
        "catalogue",
        weight=4.5,
        pattern=r"\b(?:information_schema|sysobjects|syscolumns|sysdatabases|sysusers|sysprocesses|sqlite_(?:master|schema|temp_master)|pg_(?:catalog|shadow|user|database|tables|class)|all_(?:tables|users|tab_columns)|user_(?:tables|tab_columns)|dba_(?:users|tables)|msysobjects|msysaccessobjects|mysql\s*\.\s*(?:user|db|innodb_\w+)|master\s*\.\s*(?:\.|dbo|sys)|sys\.(?:tables|objects|databases|columns|schemas|user\$|dba_\w+|fn_\w+|sql_logins)|sysibm\.|syscat\.|syscs_util|rdb\$|v\$(?:version|session|instance)|domain\.(?:domains|tables|columns)|table_schema|column_name|table_name\s*(?:,|from|=|like))",
    ),
    _sql(
        "delay",
        weight=5,
        pattern=r"\b(?:sleep|pg_sleep(?:_for)?|benchmark|dbms_lock\s*\.\s*sleep|dbms_pipe\s*\.\s*receive_message|user_lock\.sleep|randomblob|regexp_substring|crypt_key)\s*\(\s*['\"@(\d\w-]|\bwaitfor\s+(?:delay|time)\b|heavyquery|generate_series\s*\(",
    ),
    _sql(
        "error_function",
        weight=4.5,
        pattern=r"\b(?:extractvalue|updatexml|xmltype|geometrycollection|multipoint|multipolygon|multilinestring|linestring|name_const|gtid_subset|gtid_subtract|st_latfromgeohash|json_keys|json_extract|json_depth|json_type|exp\s*\(\s*~)\s*\(?\s*['\"(~@\w]|\b(?:utl_inaddr|utl_http|ctxsys|dbms_\w+|httpuritype)\s*\.\s*\w+|\bfloor\s*\(\s*rand\s*\(|procedure\s+analyse|convert\s*\(\s*int\s*,|\brow\s*\(\s*\d+\s*,\s*\d+\s*\)",
    ),
    _sql(
        "extract_function",
        weight=2.8,
        pattern=r"\b(?:group_concat|concat_ws|load_file|unhex|substring|substr|substring_index|ascii|elt|make_set|ifnull|nullif|isnull|aes_(?:de|en)crypt|bit_length|char_length|character_length|string_agg|listagg|xmlagg|array_agg|to_char|to_number|regexp_substr|bitand|conv|lpad|rpad|instr|find_in_set|password|des_encrypt|encode|fn_varbintohexstr|quotename|db_name|object_id|col_name|schema_name|user_name|is_srvrolemember|serverproperty)\s*\(\s*[\w'\"@(*]",
    ),
    _sql(
        "character_function",
        weight=3,
        pattern=r"\b(?:chr|char|nchar|unichr)\s*\(\s*(?:\d{1,3}|0x[0-9a-f]+)\s*[,)]|\b(?:hex|ord|mid|left|right|length|lower|upper|reverse|count|cast|convert|concat|if|iif)\s*\(\s*(?:\(|select\b|user\s*\(|version\s*\(|database\s*\(|@@|0x|char\s*\(|chr\s*\()",
    ),
    _sql(
        "identity_function",
        weight=3,
        pattern=r"(?:^|[^\w@])@@\s*(?:version|hostname|datadir|basedir|servername|global|language|spid|identity|tmpdir|port|new|rowcount|session|plugin_dir|max_\w+|innodb_\w+|secure_\w+|microsoftversion|pack_received)|\b(?:database|version|user|current_user|system_user|session_user|schema|sqlite_version|last_insert_id|connection_id|row_count|pi|db_name|user_name|host_name|suser_name)\s*\(\s*\)|[=<>]\s*(?:system_user|current_user|session_user|current_database)\b",
    ),
    _sql(
        "cast_as",
        weight=2.5,
        pattern=r"\bcast\s*\(.{1,200}\bas\s+(?:char|varchar|nvarchar|int|integer|numeric|signed|unsigned|binary|text|nchar|varbinary|decimal)\b|::(?:text|int|integer|numeric|varchar|regclass)\b|\bconvert\s*\(.{1,100}\busing\b",
    ),
    _sql(
        "execute",
        weight=5,
        pattern=r"\b(?:xp_(?:cmdshell|dirtree|regread|regwrite|fileexist|subdirs|servicecontrol|availablemedia|\w+)|sp_(?:executesql|oacreate|oamethod|password|makewebtask|addextendedproc|configure|execute\w*|addlogin|addsrvrolemember|help\w*))\b|\bexec(?:ute)?\b[\s(]+(?:@\w|master|sp_|xp_|immediate\b|'|\(?char\()|\bdeclare\s+@\w|\bopenrowset\s*\(|\bopendatasource\s*\(|\bopenquery\s*\(",
    ),
    _sql(
        "file_access",
        weight=5,
        pattern=r"\binto\s+(?:out|dump)file\b|\bload\s+data\s+(?:local\s+)?infile\b|\blo_(?:import|export)\s*\(|\butl_file\b|\bbulk\s+insert\b|\bfiletoclob\b|\bfiletoblob\b|\bload_extension\s*\(|\bcopy\s+\w+\s+(?:from|to)\s+(?:program\b|')",
    ),
    _sql(
        "stacked",
        weight=3,
        pattern=r";\s*(?:select|insert\s+into|update\s+\w+\s+set|delete\s+from|drop\s+\w+|create\s+\w+|alter\s+\w+|truncate\s+\w+|declare\s|exec\b|execute\b|shutdown\b|waitfor\b|begin\b|if\s*[(\d]|merge\s|grant\s|call\s+\w+|handler\s|rollback\b|commit\b|load\s+(?:data|xml)|do\s*[\s(]|rename\s|copy\s+\w+\s+(?:from|to)|print\b\s*['@]|kill\s+\d|use\s+\w+\s*(?:;|--|$))",
    ),
    _sql(
        "change_data",
        weight=2.5,
        pattern=r"\binsert\s+into\s+[\w.`\"\[\]]+\s*(?:\(|values|select|set\b)|\bupdate\s+[\w.`\"\[\]]+\s+set\s+[\w.`\"\[\]]+\s*=|\bdelete\s+from\s+[\w.`\"\[\]]+(?:\s+where\b|\s*(?:;|--))",
    ),
    _sql(
        "statement_after_quote",
        weight=4,
        pattern=r"^[^'\"]{0,80}['\"][\s);]*(?:delete\s+from|drop\s+(?:table|database)|truncate\s+table|insert\s+into|alter\s+table)\s+[\w.\[\]]+\s*(?:$|;|--|#|/\*|where\b|values\b|\()",
    ),
    _sql(
        "change_schema",
        weight=3,
        pattern=r"\b(?:drop|alter|truncate|create)\s+(?:table|database|view|login|procedure|schema|trigger|index|function)\s+(?:if\s+(?:not\s+)?exists\s+)?[\w.`\"\[]+\s*(?:;|--|\(|$|add\b|as\b|set\b|/\*|#|cascade)",
    ),
    _sql(
        "logic_numbers",
        weight=4,
        pattern=_LOGIC
        + r"[\s('\"!~+-]*(?:not\b[\s(]*)?-?(?:\d[\w.]*|0x[0-9a-f]+)(?:\s*[-+*/]\s*\d+)?['\")\s]*"
        + _COMPARE
        + r"[\s('\"%!~+-]*(?:\d|0x)|(?:or|and)\s+['\"(]*\d+['\")]*\s*=\s*['\"(]*\d",
    ),
    _sql(
        "logic_strings",
        weight=4,
        pattern=_LOGIC + r"[\s(!~+-]*(?:not\b[\s(]*)?['\"][^'\"]{0,40}['\"][)\s]*" + _COMPARE + r"[\s(!~+-]*['\"]",
    ),
    _sql(
        "logic_open_string",
        weight=4,
        pattern=r"['\"]\s*\)*\s*(?:x?or|and|\|\||&&)\s*\(*['\"]\w{0,20}\s*(?:=|<>|!=|<|>)\s*['\"]\w{0,20}$",
    ),
    _sql(
        "logic_words",
        weight=1.2,
        pattern=r"['\")\d]\s*"
        + _LOGIC
        + r"[\s(!~+-]+(?:not\b[\s(]*)?[\w.`@]+(?:\([^)]{0,60}\))?[)\s]*(?:=|<>|!=|\b(?:not\s+)?(?:like|rlike|regexp|between|in\s*\(|is\s+(?:not\s+)?null)\b)[\s('\"%!~+-]*[\w@%)]",
    ),
    _sql(
        "logic_true",
        weight=2.5,
        pattern=r"['\"][\s)]*"
        + _LOGIC
        + r"[\s(!~+-]*(?:not\b[\s(]*)?(?:true|false|null|1|0|sleep|exists|isnull)\b[\s)]*(?:$|--|#|/\*|;|['\"(])",
    ),
    _sql(
        "having_group",
        weight=3,
        pattern=r"\bhaving\s+[\d'\"(]+.{0,20}(?:=|<|>|\bor\b|\band\b)|\bgroup\s+by\s+[\w.,`(\s]{1,80}\bhaving\b",
    ),
    _sql(
        "order_after_quote",
        weight=2.5,
        pattern=r"['\"][\s)%]*(?:order|group)\s+by\s+[\w(]|['\"][\s)]*(?:limit|procedure|having)\b\s*[\w('\"]",
    ),
    _sql(
        "order_by_number",
        weight=2.5,
        pattern=r"(?:['\")\d-]|^)\s*(?:order|group)\s+by\s+\(?\s*\d{1,4}\s*(?:$|--|#|/\*|,|\)|;|asc|desc|limit)",
    ),
    _sql("order_by_tail", weight=2, pattern=r"(?:['\")\d]|^)\s*(?:order|group)\s+by\s+\d{1,4}\s*(?:--|#|/\*)"),
    _sql(
        "where_after_value",
        weight=3,
        pattern=r"(?:['\")]|^-?\d+)\s*(?:as\s+\w+\s+)?where\s+(?:not\s+)?['\"(\w].{0,60}(?:=|<|>|\bis\s+(?:not\s+)?null|\blike\b)",
    ),
    _sql("case_when", weight=3, pattern=r"\bcase\b.{0,80}\bwhen\b.{1,120}\bthen\b.{1,120}(?:\bend\b|\belse\b)"),
    _sql(
        "conditional",
        weight=3,
        pattern=r"\b(?:if|iif)\s*\(\s*(?:\(|ascii|substr|substring|mid|length|exists|user|database|version|now|\d+\s*[=<>]).{1,160},.{1,80},",
    ),
    _sql("limit_offset", weight=1.5, pattern=r"\blimit\s+\d+\s*(?:,|offset)\s*\d+\s*(?:$|--|#|\)|/\*|into)"),
    _sql("null_list", weight=3, pattern=r"(?:\bnull\b\s*,\s*){2,}|\bselect\b.{0,30}(?:\b\d+\s*,\s*){3,}"),
    _sql("string_join", weight=2.5, pattern=r"['\")]\s*\|\|\s*['\"(\w]+\s*(?:\|\||\()|'\s*\|\|\s*\(|\)\s*\|\|\s*'"),
    _sql("hex_text", weight=1.2, pattern=r"(?:[=(,\s]|^)0x(?:[0-9a-f]{2}){3,}"),
    _raw(
        "inline_comment",
        weight=3.5,
        pattern=r"/\*!\d{0,6}\s*\w|\b(?:union|select|from|where|and|or|all|order|by|like)/\*|\*/\s*(?:union|select|from|where|and|or|all|order|by|like|concat|table_name)\b|\w/\*\*/\w+/\*\*/",
    ),
    _raw("quote_then_tail", weight=2, pattern=r"['\"][\s)]*(?:;\s*)?(?:--[\s\w'-]{0,12}|#[\w]{0,6}|/\*\w{0,6})$"),
    _raw("number_then_tail", weight=1, pattern=r"^[^a-z]{0,4}-?\d+[\s)]*(?:;\s*)?(?:--\s|--$|#$|/\*)"),
    _raw(
        "negative_union",
        weight=1.5,
        pattern=r"^-?\d+(?:\.\d+)?['\")\s]*(?:union|having|order\s+by|group\s+by|procedure)\b",
    ),
    _sql(
        "bracket_arithmetic",
        weight=3.5,
        pattern=r"\(\s*\d+\s*(?:=|<|>|!=|<>)\s*\d+\s*\)\s*[*/+-]\s*\d|^\(*\d+\)*\s*[*/+-]\s*\(\s*(?:select|case|if|length|ascii|ord)\b",
    ),
    _tok("break_logic_compare", weight=4, pattern=r"[qd]:s?\)*&[!(o]*" + _OPERAND + r"\)*o[!(o]*(?:[1svn]|f\()"),
    _tok("break_chain", weight=3.5, pattern=r"[qd]:s\)*(?:[o&][!(o]*" + _OPERAND + r"\)*){2,}(?:c|;|$| )"),
    _tok(
        "break_chain_function",
        weight=3.5,
        pattern=r"[qd]:s?\)*(?:[o&,;][!(o]*" + _OPERAND + r"\)*)*[o&,;][!(o]*(?:f\(|v)",
    ),
    _tok("break_value", weight=2, pattern=r"[qd]:s\)*[o&][!(o]*(?:[1v]|s)\)*(?:c|;|$| )"),
    _tok("break_tail", weight=2.5, pattern=r"[qd]:s[1s]?\)+[^ ]{0,30}c(?:$| )|[qd]:s(?:[o&;b][^ ]{0,30})?c(?:$| )"),
    _tok("break_statement", weight=3, pattern=r"[qd]:s?\)*;*(?:e[!(]*(?:[1sv*(]|f\(|n[,k(])|ua*\(*e|b1|bk1|bkn[,c;])"),
    _tok(
        "value_chain_tail",
        weight=3,
        pattern=r"\bn:[(!]*[1sv]\)*(?:[o&][!(o]*(?:[1sv]|f\([^ ]{0,20}\))\)*)+[(o)]*c(?:$| )|\bn:\(+[(!ofk]*[1sv(][^n ]{0,30}c(?:$| )",
    ),
    _tok(
        "value_logic_compare",
        weight=3,
        pattern=r"\bn:[(!]*[1v]\)*&[!(o]*(?:[1sv]|f\([^ ]{0,20}\))\)*o[!(o]*(?:[1sv]|f\()",
    ),
    _tok("value_closed", weight=3, pattern=r"\bn:[1s]\)+[&o]|\bn:n\)+[&o;][^ ]{0,30}c(?:$| )"),
    _tok("value_function", weight=2.5, pattern=r"\bn:[1v]\)*[&o,;][!(o]*f\([^ ]*"),
    _tok(
        "value_statement",
        weight=3,
        pattern=r"\bn:(?:[1svn]\)*[;&o(]*)?(?:e[!(]*(?:[1sv*]|f\()[^ ]{0,40}k|ua*\(*e|e[!(a]*(?:[nv1f][()1sn]*,)+[(nv1f()1,]*k[nf(](?:$|[kc;),b ]))",
    ),
    _any(
        "document_operator",
        weight=4,
        pattern=r"\[\s*['\"]?\$(?:ne|eq|gt|gte|lt|lte|regex|nin|in|or|and|not|where|exists|elemmatch|type|mod|size|all)['\"]?\s*\]|['\"{,\s]\$(?:where|ne|gt|gte|lt|lte|regex|nin|exists|or|and|nor|not|expr|function|jsonschema)['\"]?\s*:",
    ),
    _any(
        "document_code",
        weight=4,
        pattern=r"\bdb\.\w+\.(?:insert|find|findone|drop|remove|update|save|count|mapreduce)\w*\s*\(|\bthis\.\w+\s*(?:==|!=|\.match\()|;\s*(?:var|let)\s+\w+\s*=\s*new\s+date|\bdo\s*\{.{0,80}\}\s*while\s*\(|;\s*return\s+(?:true|1|this)\b|\bmapreduce\s*\(|\|\|\s*'?1'?\s*==+\s*'?1",
    ),
    _any(
        "directory_filter",
        weight=4,
        pattern=r"\(\s*[&|!]\s*\(|\*\s*\)\s*\(\s*[&|!\w]|\)\s*\(\s*(?:\w+\s*[=~><]|[&|!])[^)]{0,40}(?:\)|$)|\bobjectclass\s*=\s*\*|\buserpassword\s*[:=]",
    ),
    _raw(
        "xpath",
        weight=3.5,
        pattern=r"'\s*\]\s*(?:/|\|)|\bcount\s*\(\s*/|\bstring-length\s*\(|\bname\s*\(\s*/|/child::|/parent::|/descendant::|\bor\s+'?1'?='?1.{0,20}\]|\bdoc\s*\(\s*['\"]http",
    ),
)
