"""How good is the client model on days, attackers and logs it was not fitted on? Writes docs/detection-clients.md.

    python -m benchmarks.clients.evaluate [--scale 0.5] [--fit-seeds 101 102] [--evaluate-seeds 201 202] [--out FILE]
        [--sites shop,media_live] [--site-scale 0.1]

Simulates days (`python -m simulator`), runs the Spark jobs on the embedded engine as the platform does, fits client_abuse
on the families for fitting, and measures two kinds of new days: other seeds of those families, and held-out families;
then days of other sites (`sites.py`, which prints the matrix of some sites alone in minutes), fail2ban's sample logs and a real log, read in place below WEIR_EVAL_DATA, where they exist.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.clients import fail2ban, sites, weblog
from benchmarks.clients.days import Day, simulated_day
from benchmarks.clients.decisions import ACTIONS, outcomes
from benchmarks.clients.page import RULES, markdown, rate, share
from benchmarks.evaluation import data_folder
from simulator.web.families import all_families
from weir_models import detector_metrics, saved_model
from weir_models.client_abuse import evaluation, model
from weir_models.contract import Evaluation
from weir_models.request_attack import corpus
from weir_models.request_attack import model as request_model

PAGE = Path(__file__).parents[2] / "docs" / "detection-clients.md"
PREFIXES = {
    "": RULES["model"],
    "naive_aws_": "50 errors a minute or 100 requests in 5 minutes (AWS Security Automations)",
    "naive_any_attack_": RULES["any_attack"],
    "naive_either_": "either of the two",
}
"""Prefix of a rule's figures -> its name."""
GROUPS = {"seeds": "other seeds, families of the fit", "families": "families held out"}
"""Kind of new days -> its name."""
Frames = Mapping[str, pd.DataFrame]


def measure(fitted: model.ClientAbuse, days: Sequence[Day]) -> tuple[Evaluation, pd.DataFrame]:
    """Figures of some days, and their clients one a row."""
    examples = pd.concat([day.examples for day in days], ignore_index=True)
    return model.evaluate(fitted, examples), evaluation.by_client(examples, fitted.predict(examples))


def summary(evaluations: Mapping[str, Evaluation]) -> pd.DataFrame:
    """The model beside the naive rules."""
    rows = []
    for group, title in GROUPS.items():
        figures = evaluations[group].figures
        for prefix, rule in PREFIXES.items():
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


def by_kind(evaluations: Mapping[str, Evaluation], clients: Frames) -> pd.DataFrame:
    """Recall and time to detection by kind of abuse."""
    rows = []
    for group, title in GROUPS.items():
        flagged = clients[group][clients[group]["is_abuse"] & clients[group]["flagged"]]
        for line in evaluations[group].tables["by_kind"].to_dict("records"):
            hours = flagged.loc[flagged["abuse_kind"] == line["abuse_kind"], "hours_to_detect"]
            times = f"{hours.median():.0f}, {hours.quantile(0.9):.0f}, {hours.max():.0f}"
            rows.append(
                {
                    "days": title,
                    "kind": line["abuse_kind"],
                    "clients": int(line["n"]),
                    "recall %": share(round(line["recall"] * line["n"]), int(line["n"])),
                    "best naive rule, recall %": f"{100 * line['naive_recall']:.1f}",
                    "hours to detect: median, 90th percentile, most": times,
                }
            )
    return pd.DataFrame(rows)


def overall(evaluations: Mapping[str, Evaluation], clients: Frames) -> pd.DataFrame:
    """Each group in single figures."""
    columns = {}
    for group, title in GROUPS.items():
        figures, rows = evaluations[group].figures, clients[group]
        steady = rows.loc[rows["is_abuse"] & (rows["abuse_kind"] != "rotation"), "flagged"]
        median, p90 = figures["hours_to_detect_median"], figures["hours_to_detect_p90"]
        columns[title] = {
            "abusive, benign clients": f"{figures['n_abusive']:,.0f}, {figures['n_benign']:,.0f}",
            "PR-AUC": f"{figures['pr_auc']:.4f}",
            "recall without rotating addresses %": rate(detector_metrics.rate_figures("recall", steady), "recall"),
            "hours to detect: median, 90th percentile": f"{median:.0f}, {p90:.0f}",
            "found by the end of the first hour %": rate(figures, "detected_in_first_hour"),
            "kind named as labelled %": rate(figures, "kind_agreement"),
        }
    return pd.DataFrame(columns).rename_axis("figure").reset_index()


def errors(clients: Frames) -> pd.DataFrame:
    """Families of which a client is missed or wrongly flagged."""
    parts = []
    for group, title in GROUPS.items():
        families = clients[group].groupby(["family", "is_abuse"], as_index=False)
        parts.append(families.agg(n=("flagged", "size"), flagged=("flagged", "sum")).assign(days=title))
    table = pd.concat(parts)
    table = table[table["is_abuse"] & (table["flagged"] < table["n"]) | ~table["is_abuse"] & (table["flagged"] > 0)]
    table["label"] = table["is_abuse"].map({True: "abusive", False: "benign"})
    return table[["days", "family", "label", "n", "flagged"]]


def nearest(clients: Frames, days: Mapping[str, Sequence[Day]]) -> pd.DataFrame:
    """Of the families that must never be blocked, those that come nearest to the threshold."""
    parts = []
    for group, title in GROUPS.items():
        exempt = set(pd.concat([day.truth.loc[day.truth["never_block"], "client"] for day in days[group]]))
        kept = clients[group][clients[group]["client"].isin(exempt) & ~clients[group]["is_abuse"]]
        total = kept.assign(family="all families")
        for rows, count in ((total, 1), (kept, 8)):
            table = rows.groupby("family", as_index=False).agg(
                clients=("client", "size"), flagged=("flagged", "sum"), highest=("abuse_probability", "max")
            )
            parts.append(table.sort_values("highest", ascending=False).head(count).assign(days=title))
    table = pd.concat(parts)
    table["highest probability"] = [f"{value:.3f}" for value in table["highest"]]
    return table[["days", "family", "clients", "flagged", "highest probability"]]


def decisions_overall(later: Frames, first: Frames) -> pd.DataFrame:
    """Challenged or blocked: how many of them abuse, how many abusers are reached, what happens to the others."""
    rows = []
    for when, frames in {"from the second day on": later, "first day of an empty lake": first}.items():
        for group, title in GROUPS.items():
            frame = frames[group]
            action, abusive = frame["action"], frame["is_abuse"]
            acted = action.isin(["challenge", "block"])
            exempt = action[frame["never_block"] & ~abusive]
            exempt_counts = f"{len(exempt):,}, {(exempt == 'challenge').sum()}, **{(exempt == 'block').sum()}**"
            rows.append(
                {
                    "when": when,
                    "days": title,
                    "of the challenged and blocked, abusive %": share(int(abusive[acted].sum()), int(acted.sum())),
                    "of the abusive, challenged or blocked %": share(int(acted[abusive].sum()), int(abusive.sum())),
                    "of the abusive, blocked %": f"{100 * (action[abusive] == 'block').mean():.1f}",
                    "innocent, challenged": int((action[~abusive] == "challenge").sum()),
                    "innocent, blocked": int((action[~abusive] == "block").sum()),
                    "never-block list: clients, challenged, **blocked**": exempt_counts,
                }
            )
    return pd.DataFrame(rows)


def decisions_by_family(later: Frames) -> pd.DataFrame:
    """Every abusive family, and every innocent one with a decision."""
    frame = pd.concat([part.assign(days=GROUPS[group]) for group, part in later.items()])
    table = pd.crosstab([frame["days"], frame["is_abuse"], frame["family"]], frame["action"])
    table = table.reindex(columns=list(ACTIONS), fill_value=0).reset_index()
    table = table[table["is_abuse"] | (table[list(ACTIONS[1:])].sum(axis=1) > 0)]
    table["label"] = table["is_abuse"].map({True: "abusive", False: "innocent"})
    return table.sort_values(["days", "label", "family"])[["days", "label", "family", *ACTIONS]]


def split() -> pd.DataFrame:
    """Which families were used for fitting, kind by kind, and which were held out."""
    rows = []
    for kind in dict.fromkeys(family.kind for family in all_families()):
        families = [family for family in all_families() if family.kind == kind]
        fit, held_out = ([f"`{f.name}`" for f in families if f.held_out == is_out] for is_out in (False, True))
        abusive, count = "yes" if families[0].abuse_kind else "no", f"{len(fit)} + {len(held_out)}"
        rows.append([kind, abusive, count, ", ".join(fit), ", ".join(held_out)])
    return pd.DataFrame(rows, columns=["kind", "abusive", "n", "fitted on", "held out"])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit-seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--calibrate-seeds", type=int, nargs="+", default=[151])
    parser.add_argument("--evaluate-seeds", type=int, nargs="+", default=[201, 202])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument(
        "--sites", type=sites.site_names, default=sites.site_names(""), help="names, separated by commas"
    )
    parser.add_argument("--site-scale", type=float, default=0.3)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    held_out_seeds = [seed + 1000 for seed in options.evaluate_seeds]
    data = data_folder()
    with tempfile.TemporaryDirectory() as scratch:
        model_dir = saved_model.save_dir(request_model.fit(corpus.generate(0)), Path(scratch) / "request_attack")

        def simulated(seeds: Sequence[int], families: str, part: str) -> list[Day]:
            return [simulated_day(seed, families, part, options.scale, model_dir) for seed in seeds]

        fitting = simulated(options.fit_seeds, "fit", "fit") + simulated(options.calibrate_seeds, "fit", "calibrate")
        fitted = model.fit(pd.concat([day.examples for day in fitting], ignore_index=True))
        days = {
            "seeds": simulated(options.evaluate_seeds, "fit", "evaluate"),
            "families": simulated(held_out_seeds, "held_out", "evaluate"),
        }
        fitted_on = f"days of the shop at scale {options.scale:g}, as above"
        plan = sites.Plan(options.sites, scale=options.site_scale, fitted_on=fitted_on)
        site_section = sites.section(fitted, plan, model_dir)
        print(site_section)
        outside = fail2ban.tables(fitted, data, model_dir) | weblog.tables(fitted, data, model_dir)
    evaluations, clients = {}, {}
    for group in GROUPS:
        evaluations[group], clients[group] = measure(fitted, days[group])
    later, first = ({group: outcomes(days[group], fitted, is_first) for group in GROUPS} for is_first in (False, True))
    tables = {
        "summary": summary(evaluations),
        "overall": overall(evaluations, clients),
        "by_kind": by_kind(evaluations, clients),
        "errors": errors(clients),
        "nearest": nearest(clients, days),
        "decisions": decisions_overall(later, first),
        "decisions_by_family": decisions_by_family(later),
        "split": split(),
        **outside,
    }
    fit, calibrate, evaluate, held_out = (
        ", ".join(map(str, seeds))
        for seeds in (options.fit_seeds, options.calibrate_seeds, options.evaluate_seeds, held_out_seeds)
    )
    settings = {
        "fitted": f"seeds {fit}, calibrated on {calibrate}",
        "evaluated": f"seeds {evaluate}, held-out families on {held_out}",
        "scale": f"{options.scale:g}",
        "threshold": f"{fitted.threshold_:.3f}",
        "sites": site_section,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(markdown(settings, tables), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
