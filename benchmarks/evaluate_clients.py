"""How good is the client model on days, attackers and logs it was not fitted on? Writes docs/detection-clients.md.

    python -m benchmarks.evaluate_clients [--scale 0.5] [--fit-seeds 101 102] [--evaluate-seeds 201 202] [--out FILE]

Simulates days (`python -m simulator`), runs the Spark jobs on the embedded engine as the platform does, fits client_abuse
on the families that are for fitting, and measures two kinds of new days: other seeds of those families, and families
that nobody fitted; then fail2ban's sample logs and a real log, read in place below WEIR_EVAL_DATA, where they are there.
Measuring only; what is fitted for the platform comes from its own assets.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import client_fail2ban, client_weblog
from benchmarks.client_days import Day, simulated_day
from benchmarks.client_decisions import outcomes
from benchmarks.client_tables import markdown, rate, share
from simulator.families import all_families
from weir_models import detector_metrics, tracking
from weir_models.client_abuse import evaluation, model
from weir_models.contract import Evaluation
from weir_models.request_attack import corpus
from weir_models.request_attack import model as request_model

DATA = "../shared/data"
PAGE = Path(__file__).parents[1] / "docs" / "detection-clients.md"
RULES = {
    "": "client_abuse",
    "naive_aws_": "50 errors a minute or 100 requests in 5 minutes (AWS Security Automations)",
    "naive_any_attack_": "any request that request_attack calls an attack",
    "naive_either_": "either of the two",
}
GROUPS = {"seeds": "other seeds, families of the fit", "families": "families held out"}


def measured(fitted: model.ClientAbuse, days: Sequence[Day]) -> tuple[Evaluation, pd.DataFrame]:
    """Figures of some days, and their clients one a row."""
    examples = pd.concat([day.examples for day in days], ignore_index=True)
    return model.evaluate(fitted, examples), evaluation.by_client(examples, fitted.predict(examples))


def summary(found: Mapping[str, Evaluation]) -> pd.DataFrame:
    """The model beside the naive rules."""
    rows = []
    for group, title in GROUPS.items():
        figures = found[group].figures
        for prefix, rule in RULES.items():
            rows.append(
                {
                    "days": title,
                    "rule": rule,
                    "precision %": rate(figures, f"{prefix}precision"),
                    "recall %": rate(figures, f"{prefix}recall"),
                    "benign flagged %": rate(figures, f"{prefix}fpr"),
                    "F1": f"{figures[f'{prefix}f1']:.3f}",
                }
            )
    return pd.DataFrame(rows)


def by_kind(found: Mapping[str, Evaluation], clients: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Recall and time to detect by kind of abuse."""
    rows = []
    for group, title in GROUPS.items():
        table = found[group].tables["by_kind"].set_index("abuse_kind")
        abusive = clients[group][clients[group]["is_abuse"]]
        for kind, line in table.iterrows():
            hours = abusive.loc[(abusive["abuse_kind"] == kind) & abusive["flagged"], "hours_to_detect"]
            rows.append(
                {
                    "days": title,
                    "kind": kind,
                    "clients": int(line["n"]),
                    "recall %": share(round(line["recall"] * line["n"]), int(line["n"])),
                    "best naive rule, recall %": f"{100 * line['naive_recall']:.1f}",
                    "hours to detect: median, 90th percentile, most": f"{hours.median():.0f}, {hours.quantile(0.9):.0f}, {hours.max():.0f}",
                }
            )
    return pd.DataFrame(rows)


def overall(found: Mapping[str, Evaluation], clients: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What one number a row says about each group."""
    rows = {}
    for group, title in GROUPS.items():
        figures, alone = found[group].figures, clients[group]
        alone = alone[alone["is_abuse"] & (alone["abuse_kind"] != "rotation")]
        rows[title] = {
            "abusive, benign clients": f"{figures['n_abusive']:,.0f}, {figures['n_benign']:,.0f}",
            "PR-AUC": f"{figures['pr_auc']:.4f}",
            "recall without rotating addresses %": rate(
                detector_metrics.rate_figures("recall", alone["flagged"]), "recall"
            ),
            "hours to detect: median, 90th percentile": f"{figures['hours_to_detect_median']:.0f}, {figures['hours_to_detect_p90']:.0f}",
            "found by the end of the first hour %": rate(figures, "detected_in_first_hour"),
            "kind named as labelled %": rate(figures, "kind_agreement"),
        }
    return pd.DataFrame(rows).rename_axis("figure").reset_index()


def not_all_right(clients: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Families of which a client is missed or wrongly flagged."""
    parts = []
    for group, title in GROUPS.items():
        table = clients[group].groupby(["family", "is_abuse"], as_index=False).agg(n=("flagged", "size"), flagged=("flagged", "sum"))  # fmt: skip
        wrong = table[(table["flagged"] > 0) & ~table["is_abuse"] | (table["flagged"] < table["n"]) & table["is_abuse"]]
        parts.append(wrong.assign(days=title))
    found = pd.concat(parts)
    found["label"] = found["is_abuse"].map({True: "abusive", False: "benign"})
    return found[["days", "family", "label", "n", "flagged"]]


def nearest(clients: Mapping[str, pd.DataFrame], days: Mapping[str, Sequence[Day]]) -> pd.DataFrame:
    """Of the families that must never be blocked, those that come nearest to the threshold."""
    parts = []
    for group, title in GROUPS.items():
        spared = set(pd.concat([day.truth.loc[day.truth["never_block"], "client"] for day in days[group]]))
        kept = clients[group][clients[group]["client"].isin(spared) & ~clients[group]["is_abuse"]]
        table = kept.groupby("family", as_index=False).agg(
            clients=("client", "size"), flagged=("flagged", "sum"), highest=("abuse_probability", "max")
        )
        total = {"family": "all families", "clients": len(kept), "flagged": kept["flagged"].sum(), "highest": kept["abuse_probability"].max()}  # fmt: skip
        top = table.sort_values("highest", ascending=False).head(8)
        parts.append(pd.concat([pd.DataFrame([total]), top]).assign(days=title))
    found = pd.concat(parts)
    found["highest probability"] = [f"{value:.3f}" for value in found["highest"]]
    return found[["days", "family", "clients", "flagged", "highest probability"]]


def decided(fitted: model.ClientAbuse, days: Mapping[str, Sequence[Day]], first_day: bool) -> dict[str, pd.DataFrame]:
    return {group: outcomes(days[group], fitted, first_day) for group in GROUPS}


def decisions_in_sum(later: Mapping[str, pd.DataFrame], first: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Challenged or blocked: how many of them abuse, how many abusers are reached, what happens to the others."""
    rows = []
    for when, frames in (("from the second day on", later), ("first day of an empty lake", first)):
        for group, title in GROUPS.items():
            frame = frames[group]
            acted, abusive = frame["action"].isin(["challenge", "block"]), frame["is_abuse"]
            spared = frame[frame["never_block"] & ~abusive]
            rows.append(
                {
                    "when": when,
                    "days": title,
                    "of the challenged and blocked, abusive %": share(int(abusive[acted].sum()), int(acted.sum())),
                    "of the abusive, challenged or blocked %": share(int(acted[abusive].sum()), int(abusive.sum())),
                    "of the abusive, blocked %": f"{100 * (frame['action'][abusive] == 'block').mean():.1f}",
                    "innocent, challenged": int((frame["action"][~abusive] == "challenge").sum()),
                    "innocent, blocked": int((frame["action"][~abusive] == "block").sum()),
                    "never-block list: clients, challenged, **blocked**": f"{len(spared):,}, {(spared['action'] == 'challenge').sum()}, **{(spared['action'] == 'block').sum()}**",
                }
            )
    return pd.DataFrame(rows)


def decisions_by_family(later: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every abusive family, and every innocent one about which something was decided."""
    frame = pd.concat([part.assign(days=GROUPS[group]) for group, part in later.items()])
    table = pd.crosstab([frame["days"], frame["is_abuse"], frame["family"]], frame["action"])
    table = table.reindex(columns=["nothing", "count", "challenge", "block"], fill_value=0).reset_index()
    table = table[table["is_abuse"] | (table[["count", "challenge", "block"]].sum(axis=1) > 0)]
    table["label"] = table["is_abuse"].map({True: "abusive", False: "innocent"})
    names = ["days", "label", "family", "nothing", "count", "challenge", "block"]
    return table.sort_values(["days", "label", "family"])[names]


def split() -> pd.DataFrame:
    """Which families were fitted on, kind by kind, and which nobody fitted."""
    rows: dict[str, dict[str, Any]] = {}
    for family in all_families():
        row = rows.setdefault(family.kind, {"kind": family.kind, "abuse": "yes" if family.abuse_kind else "no", "fitted on": [], "held out": []})  # fmt: skip
        row["held out" if family.held_out else "fitted on"].append(f"`{family.name}`")
    return pd.DataFrame(
        [
            {
                "kind": row["kind"],
                "abusive": row["abuse"],
                "n": f"{len(row['fitted on'])} + {len(row['held out'])}",
                "fitted on": ", ".join(row["fitted on"]),
                "held out": ", ".join(row["held out"]),
            }
            for row in rows.values()
        ]
    )


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit-seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--calibrate-seeds", type=int, nargs="+", default=[151])
    parser.add_argument("--evaluate-seeds", type=int, nargs="+", default=[201, 202])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    data = Path(os.environ.get("WEIR_EVAL_DATA", DATA))
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        model_dir = tracking.save_dir(request_model.fit(corpus.generate(0)), Path(scratch) / "request_attack")

        def simulated(seeds: Sequence[int], families: str, part: str) -> list[Day]:
            return [simulated_day(seed, families, part, given.scale, model_dir) for seed in seeds]

        fitting = simulated(given.fit_seeds, "fit", "fit") + simulated(given.calibrate_seeds, "fit", "calibrate")
        fitted = model.fit(pd.concat([day.examples for day in fitting], ignore_index=True))
        days = {
            "seeds": simulated(given.evaluate_seeds, "fit", "evaluate"),
            "families": simulated([seed + 1000 for seed in given.evaluate_seeds], "held_out", "evaluate"),
        }
        outside = client_fail2ban.tables(fitted, data, model_dir) | client_weblog.tables(fitted, data, model_dir)
    found = {group: measured(fitted, days[group]) for group in GROUPS}
    evaluations = {group: pair[0] for group, pair in found.items()}
    clients = {group: pair[1] for group, pair in found.items()}
    later = decided(fitted, days, first_day=False)
    tables = {
        "summary": summary(evaluations),
        "overall": overall(evaluations, clients),
        "by_kind": by_kind(evaluations, clients),
        "not_all_right": not_all_right(clients),
        "nearest": nearest(clients, days),
        "decisions": decisions_in_sum(later, decided(fitted, days, first_day=True)),
        "decisions_by_family": decisions_by_family(later),
        "split": split(),
        **outside,
    }
    settings = {
        "fitted": f"seeds {', '.join(map(str, given.fit_seeds))}, calibrated on {', '.join(map(str, given.calibrate_seeds))}",
        "evaluated": f"seeds {', '.join(map(str, given.evaluate_seeds))}, held-out families on {', '.join(str(seed + 1000) for seed in given.evaluate_seeds)}",
        "scale": f"{given.scale:g}",
        "threshold": f"{fitted.threshold_:.3f}",
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(markdown(settings, tables), encoding="utf-8")
    print(f"wrote {given.out.name} in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
