"""The least that anybody would write to get log objects into Parquet: isal, pyarrow's CSV reader, its Parquet writer.

All fields are texts; nothing is converted, decoded, hashed or checked, and lines of another number of fields are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from isal import isal_zlib

from benchmarks.throughput.definitions import THREADS, common_fields

HEADER_LINES = 2


def parse(files: Sequence[Path], out: Path) -> int:
    """Log objects -> a Parquet file each; returns the rows."""
    fields = common_fields(files)
    folder = out / "requests"
    folder.mkdir()
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(lambda item: _object(item[1], fields, folder / f"{item[0]}.parquet"), enumerate(files)))


def _object(path: Path, fields: Sequence[str], target: Path) -> int:
    rows = pa.csv.read_csv(
        pa.BufferReader(isal_zlib.decompress(path.read_bytes(), 31)),
        pa.csv.ReadOptions(column_names=list(fields), skip_rows=HEADER_LINES, use_threads=False),
        pa.csv.ParseOptions(delimiter="\t", quote_char=False, invalid_row_handler=lambda row: "skip"),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(fields, pa.string()), null_values=["-", ""], strings_can_be_null=True
        ),
    )
    pq.write_table(rows, target, compression="zstd")
    return int(rows.num_rows)
