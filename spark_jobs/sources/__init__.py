"""One folder per source. A folder `spark_jobs/sources/<name>` elsewhere on the Python path is a source as well.

The folder `spark_jobs` there has no `__init__.py`: one that has is another copy of Weir, whose sources are its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pkgutil import get_importer


def _elsewhere() -> Iterator[str]:
    for entry in sys.path:
        finder = get_importer(entry or ".")
        spec = finder.find_spec("spark_jobs") if finder is not None else None
        if spec is not None and spec.loader is None:
            nested = PathFinder.find_spec("sources", list(spec.submodule_search_locations or ()))
            yield from (nested.submodule_search_locations or ()) if nested is not None else ()


__path__ += _elsewhere()
