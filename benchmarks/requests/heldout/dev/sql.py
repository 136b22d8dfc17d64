"""SQL by rarer means, and honest prose and filters with its words."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.query_rules import SQL

group = Group("sql", SQL)
attack, benign = group.attack, group.benign

attack(
    "json_operators",
    "‹@break›‹@and›‹'{\"‹@v›\":‹@n›}'¦'[‹@n›,‹@n›]'¦'{\"‹@v›\":{\"‹@tok›\":‹@n›}}'›‹¦::json¦::jsonb›‹->>¦->¦#>>¦@>¦<@¦?¦?|¦#>›‹'‹@v›'¦'{‹@v›}'¦'‹@n›'›‹¦::jsonb›‹¦='‹@n›'¦ is not null›‹@tail›",
    "vvvrn",
)
attack(
    "json_functions",
    "‹@break›‹@and›‹json_extract('{\"‹@v›\":‹@n›}','$.‹@v›')¦json_depth('{}')¦json_length('[‹@n›,‹@n›]')¦json_valid('[‹@n›]')¦json_contains('[‹@n›]','‹@n›')¦isjson('{\"‹@v›\":‹@n›}')¦json_value('{\"‹@v›\":‹@n›}','$.‹@v›')›‹¦=¦>¦ between 0 and ›‹@n›‹@tail›",
    "vvvrn",
)
attack(
    "casts",
    "‹@break›‹@and›‹‹@n›=¦›‹cast((select ‹@col› from ‹@table› limit 1) as ‹int¦numeric¦signed›)¦(select ‹@col› from ‹@table› limit 1)::‹int¦numeric¦bool›¦convert(int,(select top 1 ‹@col› from ‹@table›))¦(‹chr(‹@n8›)||¦''||›version())::int¦cast(@@version as int)¦try_cast(db_name() as int)›‹@tail›",
    "vv",
)
attack(
    "half_open",
    "‹@break›‹@and›‹'‹@n›'‹>¦<¦>=¦<>¦!=¦<=>›'‹@n›¦'‹@tok›'‹=¦>¦<¦ like ›'‹@tok›¦\"‹@tok›\"‹=¦<>›\"‹@tok›¦('‹@v›')=('‹@v›¦'‹@n›'<'‹@n›¦'' ‹between '' and '¦in ('',''››",
    "vv",
)
attack(
    "unquoted_logic",
    "‹@n›‹ or ¦ and ¦||¦&&¦ xor ›‹not ¦!¦~¦›‹‹@n›‹=¦<¦>¦<>›‹@n›¦true¦false¦null is null¦‹@n› in (‹@n›,‹@n›)¦‹@n› between ‹@n› and ‹@n›¦exists(select ‹@n›)¦(‹@n›)=(‹@n›)›‹@tail›",
    "vvvrn",
)
attack(
    "bare_introspection",
    "‹¦‹@n› ¦-‹@n› ¦(›‹select¦(select¦union select¦;select›‹@gap›‹@@version¦version()¦current_user¦user()¦database()¦sqlite_version()¦table_name from information_schema.tables¦name from ‹sys.databases¦sysobjects¦sqlite_master¦pg_roles›¦banner from v$version¦schemaname from pg_tables¦@@‹hostname¦datadir¦basedir¦servername››‹¦ limit ‹@n›¦ where ‹@n›=‹@n››‹¦)¦--›",
    "vvvrn",
)

benign("sql_in_prose", "‹@sentence›‹¦ ‹@n›¦?¦ - ‹@city››", "vvvr")
benign(
    "names_and_quotes",
    "‹@last›‹ & Sons¦ or ‹@last›¦ and ‹@noun›¦'s ‹@noun›¦ -- ‹@city›› ‹@n›‹\"¦'¦''›‹ x ‹@n›\"¦ ‹@adj››",
    "vvvrn",
)
benign(
    "filter_words",
    "‹price¦size¦year¦rating› ‹between ‹@n› and ‹@n›¦> ‹@n› and < ‹@n›¦>= ‹@n›¦in (‹@n›, ‹@n›)¦order by ‹@noun› desc¦not ‹@n› or ‹@n››",
    "vv",
)
benign(
    "json_filters",
    '{"‹price¦year¦rating¦stock›":‹{"‹gte¦lt¦between¦min›":‹@n›}¦[‹@n›,‹@n›]›,"‹sort¦select¦group›":"‹name¦date¦@noun›","limit":‹@n›}',
    "v",
)
benign(
    "developer_topics",
    "‹json_extract¦cast as int¦information_schema¦sqlite_version¦pg_sleep¦waitfor delay¦exists vs in¦xor operator¦between operator¦case when› ‹mysql¦postgres¦sql server¦oracle¦sqlite› ‹@n›‹¦ example¦ tutorial¦ performance›",
    "vvvrn",
)
