"""The checks of `weir doctor` for the edge: the files that settings name, and WAF."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platform_assets.cli.doctor.findings import State
from platform_assets.cli.doctor.network import ask_aws
from platform_assets.domains.waf.scopes import Scope
from platform_assets.settings import Settings


def named_files(settings: Settings) -> tuple[State, str]:
    names = ("policy_file", "allow_list", "labelled_requests", "labelled_logs")
    named = [(name, part.strip()) for name in names for part in getattr(settings.waf, name).split(",") if part.strip()]
    local = [(name, Path(part).expanduser()) for name, part in named if "://" not in part]
    absent = [f"{path} (WEIR_{name.upper()})" for name, path in local if not os.access(path, os.R_OK)]
    if absent:
        return "failed", f"Not there or not readable: {', '.join(absent)}; correct the setting or put the file there."
    if not named:
        return "off", "No policy, allow list or labelled data is named."
    return "ok", f"{len(named)} named, all readable."


def waf(settings: Settings) -> tuple[State, str]:
    mode = "plans are applied" if settings.waf.apply else "plans are only shown (see --apply, WEIR_WAF_APPLY)"
    if settings.waf.target == "twin":
        return "ok", f"The local WAF in {settings.home / 'waf'}; {mode}."

    def reach(scope: Scope) -> tuple[State, str]:
        what = ("wafv2", "list_ip_sets", f"WAF {scope.kind} in {scope.region}", "wafv2:ListIPSets")
        return ask_aws(what, f"answers; {mode}.", scope.region, Scope=scope.kind, Limit=1)

    with ThreadPoolExecutor() as pool:  # in parallel: each may take the whole timeout of a check
        results = list(pool.map(reach, settings.waf.parsed_scopes))
    failed = [result for result in results if result[0] == "failed"]
    return ("failed" if failed else "ok"), " ".join(sentence for _, sentence in failed or results)


def aws_services(settings: Settings) -> list[str]:
    """Names of the AWS services that the edge uses with these settings."""
    uses = {"SQS": bool(settings.cloudfront.queue_url), "WAF": settings.waf.target == "aws"}
    return [name for name, is_used in uses.items() if is_used]


CHECKS = {"named files": named_files, "waf": waf}
