"""docs/privacy.md lists every column that the contract declares personal; run this file to bring its table up to date."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from spark_jobs import registry
from spark_jobs.contract import Table

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "privacy.md"
REGENERATE = "python -m tests.docs.test_privacy_document"
BLOCK = re.compile(r"(?<=<!-- personal data: begin -->\n).*(?=<!-- personal data: end -->)", re.DOTALL)


def all_tables() -> list[Table]:
    """Those of every source, and those that the platform declares in files called tables.py."""
    found = dict(registry.tables())
    for path in sorted((ROOT / "platform_assets").rglob("tables.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        found |= {table.key: table for table in vars(module).values() if isinstance(table, Table)}
    return list(found.values())


def personal_data() -> str:
    text = "| table | row | personal columns | kept |\n| --- | --- | --- | --- |\n"
    for table in all_tables():
        columns = "; ".join(f"`{column.name}` ({column.meaning})" for column in table.columns if column.personal)
        if columns:
            text += (
                f"| `{table.key}` | {table.grain} | {columns.replace('|', '&#124;')} | {table.retention_days} days |\n"
            )
    return text


def test_the_document_lists_every_personal_column_and_how_long_it_is_kept() -> None:
    block = BLOCK.search(DOCUMENT.read_text(encoding="utf-8"))
    assert block and block[0] == personal_data(), f"the contract has changed; run {REGENERATE}"


def test_the_list_holds_the_address_of_requests_and_of_decisions() -> None:
    rows = {row.split("`")[1]: row for row in personal_data().splitlines() if "`" in row}
    assert "`client_ip`" in rows["parsed/cloudfront/requests"] and "| 30 days |" in rows["parsed/cloudfront/requests"]
    assert "`address`" in rows["decisions/waf_decisions"]


if __name__ == "__main__":
    DOCUMENT.write_text(BLOCK.sub(lambda _: personal_data(), DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
