"""Manual actions: each method validates one, adds its row to the audit and returns it.

WAF changes with the next plan that is applied. in_force.py interprets the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from platform_assets.actions.audit import reason_of
from platform_assets.actions.errors import RequestError
from platform_assets.clients.engine import lake_of
from platform_assets.core.times import as_utc, instant
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import (
    ALLOW,
    BLOCK,
    RESUME,
    ROLLBACK,
    WITHDRAW,
    InForce,
    ManualAction,
    in_force,
)
from platform_assets.domains.waf.networks import Network, Ranges, parse_network, special_ranges
from platform_assets.domains.waf.policy import load_allow_list, load_policy
from platform_assets.domains.waf.unexpired import unexpired
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake

LONGEST = timedelta(days=365)
"""Shorter than the retention of the audit, so that no action is deleted while in force."""
WIDEST = {4: 16, 6: 32}
"""Prefix length of the widest network that a person may block or allow: a typo in a wider one would be a disaster."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ManualActions:
    """The manual actions on one home."""

    settings: Settings
    clock: Callable[[], datetime] = field(default=_now)

    @cached_property
    def lake(self) -> Lake:
        if not self.settings.lake and not self.settings.home.is_dir():
            raise RequestError(
                f"There is no home {self.settings.home}; run `weir run edge --input …` first or correct --home."
            )
        return lake_of(self.settings)

    def in_force(self) -> InForce:
        return in_force(audit_log.AUDIT.read(self.lake), self.clock())

    def allow(self, cidr: str, lasting: timedelta, reason: str) -> ManualAction:
        """Exempt addresses for a time: from entries in force and from new decisions."""
        network = _network(cidr)
        _require_narrow(network, "allowed", "allow")
        return self._add(ALLOW, str(network), reason, lasting=lasting)

    def block(self, cidr: str, lasting: timedelta, reason: str) -> ManualAction:
        """Block addresses for a time, whatever the models decide."""
        network = _network(cidr)
        _require_narrow(network, "blocked", "block")
        if special_ranges(load_policy(self.settings.waf.policy_file).rules.act_on_special).overlaps(network):
            raise RequestError(
                f"{network} overlaps a private or special-purpose range, which is never blocked; name public addresses."
            )
        if Ranges.of(load_allow_list(self.settings.waf.allow_list)).overlaps(network):
            raise RequestError(
                f"{network} overlaps the allow list {self.settings.waf.allow_list}; correct that list first, or block what is beside it."
            )
        for allowed in self.in_force().allowed:
            if Ranges.of([allowed.subject]).overlaps(network):
                raise RequestError(
                    f"{network} overlaps {allowed.subject}, allowed {allowed.by_whom}; `weir waf resume {allowed.subject}` ends that."
                )
        return self._add(BLOCK, str(network), reason, lasting=lasting)

    def withdraw(self, model: str, version: str, reason: str) -> ManualAction:
        """Remove every entry caused only by this model version, and ignore the version until resumed."""
        subject = f"{model} {version}"
        models = sorted({model_version for behind in self._behind().values() for model_version in behind})
        if subject not in models:
            some = f"they rest on {', '.join(models)}" if models else "there are none"
            raise RequestError(f"No unexpired decision rests on {subject}; {some}.")
        return self._add(WITHDRAW, subject, reason)

    def withdraw_if_needed(self, model: str, version: str, reason: str) -> str:
        """Withdraw a version where an unexpired decision rests on it and it is not withdrawn yet; a sentence, else empty."""
        subject = f"{model} {version}"
        is_withdrawn = any((a.command, a.subject) == (WITHDRAW, subject) for a in self.in_force().actions)
        if is_withdrawn or subject not in {name for behind in self._behind().values() for name in behind}:
            return ""
        self.withdraw(model, version, reason)
        return (
            f"What only {subject} decided leaves WAF with the next run; `weir waf resume '{subject}'` would end that."
        )

    def rollback(self, to: datetime, reason: str) -> ManualAction:
        """Return to the unexpired decisions of a time; new decisions are ignored until resumed."""
        at, now = as_utc(to), self.clock()
        if at >= now:
            raise RequestError(f"{instant(at)} is not in the past; name a time before {instant(now)} (UTC).")
        policy = load_policy(self.settings.waf.policy_file)
        try:
            decisions = unexpired(self.lake, now, policy, as_of=at)
            how = "what the table of decisions held then"
        except OSError:  # retention has deleted that version of the table
            decisions = [row for row in unexpired(self.lake, now, policy) if row["decided_at"] <= at]
            how = "decisions about hours up to then; what the table held then is freed"
        subject = at.isoformat().replace("+00:00", "Z")
        action = self._act(ROLLBACK, subject, reason, details=how, decision_count=len(decisions))
        audit_log.append_rollback(self.lake, action, decisions)
        return action

    def resume(self, subject: str, reason: str) -> ManualAction:
        """End the actions in force on a subject, or of a command (`rollback`)."""
        active = self.in_force().actions
        names = {action.subject for action in active} | {action.command for action in active}
        subject = _canonical(subject)
        if subject not in names:
            in_force_now = "; ".join(f"{action.command} {action.subject}" for action in active) or "nothing"
            raise RequestError(f"Nothing of {subject} is in force that could be ended; in force: {in_force_now}.")
        return self._add(RESUME, subject, reason)

    def _behind(self) -> dict[str, frozenset[str]]:
        now, policy, back = self.clock(), load_policy(self.settings.waf.policy_file), self.in_force().rollback
        rolled_back = [] if back is None else audit_log.rollback_rows(self.lake, back, now)
        return audit_log.versions_behind(self.lake, [*unexpired(self.lake, now, policy), *rolled_back])

    def _add(
        self, command: str, subject: str, reason: str, lasting: timedelta | None = None, **values: Any
    ) -> ManualAction:
        action = self._act(command, subject, reason, lasting, **values)
        audit_log.AUDIT.append(self.lake, [action])
        return action

    def _act(
        self, command: str, subject: str, reason: str, lasting: timedelta | None = None, **values: Any
    ) -> ManualAction:
        why = reason_of(reason)
        if lasting is not None and not timedelta() < lasting <= LONGEST:
            raise RequestError(f"A time of up to {LONGEST.days} days is needed; correct --for.")
        at = self.clock()
        until = None if lasting is None else at + lasting
        return ManualAction.make(at, audit_log.who(self.settings), command, subject, why, expires_at=until, **values)


def _require_narrow(network: Network, done: str, verb: str) -> None:
    """RequestError where a network is wider than any that a person changes at once."""
    if network.prefixlen < WIDEST[network.version]:
        raise RequestError(
            f"{network} is wider than /{WIDEST[network.version]}, the widest network that is {done} by hand; {verb} parts of it."
        )


def _network(text: str) -> Network:
    try:
        return parse_network(text)
    except ValueError:
        raise RequestError(
            f"{text[:80]!r} is no address and no CIDR without host bits; write it like 45.83.1.0/24 or 2a00:1::/64."
        ) from None


def _canonical(subject: str) -> str:
    try:
        return str(parse_network(subject))
    except ValueError:
        return subject
