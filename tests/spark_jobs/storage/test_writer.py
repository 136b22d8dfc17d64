"""Data files: texts that repeat are stored once a row group, whatever the dictionaries of the parts are."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.contract import Column, Table
from spark_jobs.storage.lake import Lake

TEXTS = Table("test/texts", "For a test.", "one text", (Column("text", "string", "a text"),), hourly=False)


def test_parts_with_other_dictionaries_are_stored_by_dictionary(lake: Lake) -> None:
    texts = [f"{number:02}" * 100 for number in range(40)]
    parts = [[texts[(number * step + 7 * step) % 40] for number in range(1_000)] for step in (1, 3, 7)]
    writer = lake.writer(TEXTS)
    for part in parts:
        writer.write(pa.table({"text": pa.array(part).dictionary_encode()}), None)
    (file,) = writer.close()
    path = f"{lake.path(TEXTS)}/{file.path}"
    assert pq.read_table(path)["text"].to_pylist() == [text for part in parts for text in part]
    assert pq.read_metadata(path).row_group(0).column(0).total_uncompressed_size < 2 * sum(map(len, texts))
