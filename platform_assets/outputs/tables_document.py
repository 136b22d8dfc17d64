"""The text of docs/tables.md: the exported tables and their columns, from their declarations."""

from __future__ import annotations

from platform_assets.core.domain import tables
from platform_assets.outputs.table_files import short_names, time_column
from spark_jobs.contract import HOUR_COLUMN, Table

_INTRODUCTION = """\
# Tables: what `weir export` writes

Written by `platform_assets.outputs.tables_document.tables_markdown` from the tables' declarations; a test compares. The columns are a public interface:
they keep their name, type and meaning, and new ones are added at the end.

```
weir export TABLE FILE [--home DIR] [--start T --end T]
```

The same tables in SQL, called `weir.` and the key with `_` for `/`: [queries.md](queries.md).

TABLE is one of the names below, short (`request_scores`) or in full (`predictions/request_scores`). FILE ends in `.parquet`, `.csv` or
`.jsonl`. `--start` and `--end` take the rows with start <= time < end, by the table's time column. Rows come hour by hour, and within
an hour by the unique key (an hour beyond 256 MB in memory: as it is stored). A table without rows gives a file with its columns
(`.jsonl`: an empty file). FILE is replaced only once it is whole.

| type | .parquet | .csv | .jsonl |
| --- | --- | --- | --- |
| string | string | text, quoted by RFC 4180, control characters as escapes, formulas after an apostrophe; the empty text is `""`, null is nothing | string or null |
| int32, int64, double | the same | number; null and NaN are nothing | number; NaN is null |
| boolean | boolean | `true`, `false` | true, false |
| timestamp | timestamp in UTC, microseconds | `2026-11-20T14:00:00Z`, with a fraction where there is one | the same, as string |
| list&lt;string&gt; | list of strings | JSON | array |
"""


def tables_markdown() -> str:
    """The text of docs/tables.md."""
    return _INTRODUCTION + "".join(_section(table, short_names()[key]) for key, table in tables().items())


def _section(table: Table, name: str) -> str:
    facts = [f"One row: {table.grain}."]
    if table.unique:
        facts.append(f"Unique: {', '.join(f'`{name}`' for name in table.unique)}.")
    time = time_column(table)
    facts.append(f"Time: `{time}`." if time else "It has no time column.")
    lines = [f"\n## {name}\n", f"`{table.key}`: {table.meaning} {' '.join(facts)}\n"]
    lines += ["| column | type | can be null | meaning |", "| --- | --- | --- | --- |"]
    for column in table.columns:
        kind, meaning = column.type.replace("<", "&lt;").replace(">", "&gt;"), column.meaning.replace("|", "&#124;")
        lines.append(f"| `{column.name}` | {kind} | {'yes' if column.nullable else 'no'} | {meaning} |")
    if time == HOUR_COLUMN:
        lines.append(f"| `{HOUR_COLUMN}` | string | no | hour of the events, as 2026-11-20-14, UTC |")
    return "\n".join(lines) + "\n"
