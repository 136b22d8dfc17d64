"""Which sites does the client model fit? The matrix of docs/detection-clients.md: attackers found, innocent clients acted on.

    python -m benchmarks.clients.sites [--sites media_live,json_api] [--scale 0.1] [--fit-sites shop] [--document PAGE]

Run by itself, it fits client_abuse at the same small scale as it measures and prints the matrix in minutes; the whole
evaluation (`make eval-clients`) measures its own fit with the same function. Nothing is fitted on the sites that the
simulator holds out: it refuses.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.clients.days import Day, simulated_day
from benchmarks.clients.decisions import ACTIONS, outcomes
from benchmarks.clients.page import share
from benchmarks.evaluation import write_section
from simulator.sites import all_sites
from weir_models import saved_model
from weir_models.cards import markdown_table
from weir_models.client_abuse import evaluation, model
from weir_models.request_attack import corpus
from weir_models.request_attack import model as request_model

SECTION, COMMAND = "sites", "make eval-clients"
SCALE = 0.1
SEEDS = (301,)


@dataclass(frozen=True)
class Plan:
    """What is measured: sites, seeds and scale of their days, and how the model was fitted, for the page."""

    sites: Sequence[str]
    seeds: Sequence[int] = SEEDS
    scale: float = SCALE
    fitted_on: str = ""


def site_names(text: str) -> list[str]:
    """The names of a comma-separated list, or all of them; ValueError for one that does not exist."""
    names = [name.strip() for name in text.split(",") if name.strip()] or list(all_sites())
    unknown = sorted(set(names) - set(all_sites()))
    if unknown:
        raise ValueError(f"No site is named {', '.join(unknown)}; use some of {', '.join(all_sites())}.")
    return names


def clients_of(days: Sequence[Day], fitted: model.ClientAbuse) -> pd.DataFrame:
    """An address of the days' truth a row: `family`, `is_abuse`, `never_block`, `flagged` by the model, decided `action`."""
    parts = []
    for day in days:
        flags = evaluation.by_client(day.examples, fitted.predict(day.examples))[["client", "flagged"]]
        clients = outcomes([day], fitted).merge(flags, on="client", how="left")
        parts.append(clients.assign(flagged=clients["flagged"].eq(True)))
    return pd.concat(parts, ignore_index=True)


def matrix(clients: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Site x (attackers found and decided on, innocent clients acted on); sums of the sites by their part in fitting."""
    parts = {
        "all sites that may be fitted on": [name for name in clients if not all_sites()[name].held_out],
        "all sites held out": [name for name in clients if all_sites()[name].held_out],
    }
    rows = []
    for title, names in parts.items():
        rows += [_matrix_row(name, clients[name]) for name in names]
        if names:
            rows.append(_matrix_row(title, pd.concat([clients[name] for name in names])))
    return pd.DataFrame(rows)


def _matrix_row(title: str, clients: pd.DataFrame) -> dict[str, str]:
    abusive, innocent = clients[clients["is_abuse"]], clients[~clients["is_abuse"]]
    exempt = innocent[innocent["never_block"]]
    return {
        "site": title,
        "attackers found by the model %": share(int(abusive["flagged"].sum()), len(abusive)),
        "attackers: count, challenge, block": _actions(abusive),
        "innocent flagged by the model %": share(int(innocent["flagged"].sum()), len(innocent)),
        "innocent: count, challenge, **block**": _actions(innocent, emphasis="**"),
        "never-block list: clients, challenge, **block**": f"{len(exempt)}, {_actions(exempt, ACTIONS[2:], '**')}",
    }


def _actions(clients: pd.DataFrame, actions: Sequence[str] = ACTIONS[1:], emphasis: str = "") -> str:
    counts = [str(int((clients["action"] == action).sum())) for action in actions]
    return ", ".join([*counts[:-1], f"{emphasis}{counts[-1]}{emphasis}"])


def errors(clients: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Families of a site of which an attacker is missed, or an innocent client is flagged or acted on."""
    frame = pd.concat([part.assign(site=name) for name, part in clients.items()])
    frame = frame.assign(**{action: frame["action"] == action for action in ACTIONS[1:]})
    columns = {name: (name, "sum") for name in ("flagged", *ACTIONS[1:])}
    table = frame.groupby(["site", "is_abuse", "family"], as_index=False).agg(n=("flagged", "size"), **columns)
    missed = table["is_abuse"] & (table["flagged"] < table["n"])
    harmed = ~table["is_abuse"] & (table[list(columns)].sum(axis=1) > 0)
    table = table[missed | harmed]
    table["label"] = table["is_abuse"].map({True: "abusive", False: "innocent"})
    return table.sort_values(["label", "site", "family"])[["label", "site", "family", "n", *columns]]


def section(fitted: model.ClientAbuse, plan: Plan, model_dir: Path) -> str:
    """Simulate a day of each site, with its warm-up, and write the tables of the page."""
    clients = {}
    for name in plan.sites:
        days = [simulated_day(seed, "all", "evaluate", plan.scale, model_dir, name) for seed in plan.seeds]
        clients[name] = clients_of(days, fitted)
    seeds = ", ".join(map(str, plan.seeds))
    text = (
        f"Fitted on {plan.fitted_on}; measured on seeds {seeds}, scale {plan.scale:g}. `shop` is the site of the demo. Every site has clients and attackers "
        "of its own (simulator/README.md). Addresses only, from the second day on, each with the strongest decision about it "
        "or its network by the shipped policy. Sites held out are never fitted on."
    )
    parts = [text, markdown_table(matrix(clients)), "Families with errors, and innocent families that are acted on:"]
    return "\n\n".join([*parts, markdown_table(errors(clients))])


def fit(fit_sites: Sequence[str], scale: float, model_dir: Path) -> model.ClientAbuse:
    """A model of two days and a day for calibration, of each site."""
    splits = {101: "fit", 102: "fit", 151: "calibrate"}
    days = [
        simulated_day(seed, "fit", split, scale, model_dir, site)
        for site in fit_sites
        for seed, split in splits.items()
    ]
    return model.fit(pd.concat([day.examples for day in days], ignore_index=True))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=site_names, default=list(all_sites()), help="names, separated by commas")
    parser.add_argument("--fit-sites", type=site_names, default=["shop"], help="names, separated by commas")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--scale", type=float, default=SCALE, help="of fitted and measured days alike")
    parser.add_argument("--document", type=Path, help="page whose section is to be replaced")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        model_dir = saved_model.save_dir(request_model.fit(corpus.generate(0)), Path(scratch) / "request_attack")
        fitted = fit(options.fit_sites, options.scale, model_dir)
        fitted_on = f"three days of {', '.join(options.fit_sites)} at scale {options.scale:g}"
        text = section(fitted, Plan(options.sites, options.seeds, options.scale, fitted_on), model_dir)
    print(text)
    if options.document:
        write_section(options.document, SECTION, text, COMMAND)


if __name__ == "__main__":
    main(sys.argv[1:])
