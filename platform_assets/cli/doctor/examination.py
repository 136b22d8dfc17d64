"""`weir doctor`: runs every check and collects the findings. Nothing is changed, and no secret gets into a sentence."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from pydantic import SecretStr

from platform_assets.cli.doctor import network
from platform_assets.cli.doctor.data import DATA, THOROUGH, of_sources
from platform_assets.cli.doctor.findings import Check, Finding
from platform_assets.cli.doctor.machine import MACHINE
from platform_assets.cli.doctor.services import SERVICES
from platform_assets.core.domain import parts
from platform_assets.settings import Settings
from spark_jobs.errors import WeirError


def examine(settings: Settings, thorough: bool = False) -> list[Finding]:
    """All findings, in a fixed order, within a few seconds: the checks run in parallel.

    `thorough`: then all that is stored is read, however long that takes.
    """
    findings: dict[str, Finding] = {}
    all_checks = checks()
    threads = [
        threading.Thread(target=_run, args=(name, check, settings, findings), daemon=True)
        for name, check in all_checks.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + network.SECONDS + 1
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    for name, check in THOROUGH.items() if thorough else ():
        _run(name, check, settings, findings)
    no_answer = f"No answer within {network.SECONDS + 1} seconds; check the network and the address that is set."
    return [_without_secrets(settings, findings.get(name, Finding(name, "failed", no_answer))) for name in all_checks]


def checks() -> dict[str, Check]:
    """Checks by name in the order of display: this machine, raw data, domains, data, services."""
    of_domains: dict[str, Check] = {}
    for _, part in parts("doctor"):
        of_domains |= part
    return MACHINE | of_sources() | of_domains | DATA | SERVICES


def _run(name: str, check: Check, settings: Settings, findings: dict[str, Finding]) -> None:
    try:
        state, sentence = check(settings)
    except WeirError as error:
        state, sentence = "failed", str(error)
    except Exception as error:  # one check that breaks must not hide the others
        state, sentence = "failed", f"The check itself broke ({type(error).__name__}); report this as a defect of Weir."
    findings[name] = Finding(name, state, sentence)


def _without_secrets(settings: Settings, finding: Finding) -> Finding:
    """A second safeguard: checks put no secret into a sentence in the first place."""
    sentence = finding.sentence
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and len(value.get_secret_value()) > 3:
            sentence = sentence.replace(value.get_secret_value(), "***")
    return replace(finding, sentence=sentence)
