"""Print the shares by family, and write single lines of `dev` into a file: see the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.requests.heldout.generate import FAMILIES, SPLITS
from benchmarks.requests.heldout.table import by_family, measured
from weir_models import cards, request_attack, saved_model
from weir_models.request_attack.model import RequestAttack

SHIPPED = Path(request_attack.__file__).parent / "champion"


def main(arguments: list[str] | None = None) -> int:
    """Exit code 2 where single lines of `aside` are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.requests.heldout", description="Measure the request model on held-out grammars."
    )
    parser.add_argument("--family", choices=FAMILIES, help="this family alone")
    parser.add_argument("--split", choices=[*SPLITS, "both"], default="dev", help="default: dev")
    parser.add_argument(
        "--model", type=Path, default=SHIPPED, help="folder of a saved model; default: the one that ships"
    )
    parser.add_argument(
        "--out", type=Path, help="file for single requests with score and verdict, as JSON lines; of dev only"
    )
    options = parser.parse_args(arguments)
    splits = SPLITS if options.split == "both" else (options.split,)
    if options.out and splits != ("dev",):
        print("Single lines of aside are never shown, its shares alone: use --out with --split dev.", file=sys.stderr)
        return 2
    model = saved_model.load_dir(options.model)
    assert isinstance(model, RequestAttack)
    rows = measured(model, splits, options.family)
    print(f"Threshold {model.threshold_:.3f}; 95 % intervals (Wilson).\n")
    print(cards.markdown_table(by_family(rows)))
    if options.out:
        rows.to_json(options.out, orient="records", lines=True, force_ascii=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
