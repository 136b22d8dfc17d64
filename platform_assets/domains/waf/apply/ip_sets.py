"""Applies a plan to IP sets, on AWS or the twin: read again, merge again, change only what differs, record it.

Safe to run again at any point: entries are saved as pending before the call, so a run that died between two sets, or
after a call whose response was lost, converges on the next run. What to change is plan.py's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from platform_assets.actions.errors import ActionError, IncompleteApplyError, StalePlanError
from platform_assets.domains.waf.apply.applied import Applied, AppliedSet, AppliedStore
from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.client import find_set, read_set, read_sets
from platform_assets.domains.waf.apply.report import ApplyReport, SetReport
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.limits import check_addresses, check_description, check_name
from platform_assets.domains.waf.networks import address_order
from platform_assets.domains.waf.plan.merge import merge
from platform_assets.domains.waf.plan.values import LiveSet, Plan, SetPlan
from platform_assets.domains.waf.scopes import CLOUDFRONT, Scope

TAGS = [{"Key": "managed-by", "Value": "weir"}]


class IpSetTarget:
    """The IP sets of one scope and prefix on any wafv2 client, with the store of the last apply."""

    def __init__(
        self,
        client: Any,
        store: AppliedStore,
        *,
        scope: Scope = CLOUDFRONT,
        prefix: str = "weir",
        calls: Calls | None = None,
        max_conflicts: int = 60,
    ) -> None:
        scope.check_region(client.meta.region_name)
        self.store, self.scope, self.prefix = store, scope, prefix
        self.calls = calls or Calls(client)
        self._max_conflicts = max_conflicts

    def read_sets(self) -> dict[str, LiveSet]:
        return read_sets(self.calls, self.scope, self.prefix)

    def last_applied(self) -> Applied:
        return self.store.load()

    def apply(self, plan: Plan) -> ApplyReport:
        """Change every IP set to match the plan; no mutating call if nothing differs."""
        if (plan.scope, plan.prefix) != (self.scope, self.prefix):
            raise WafError(
                f"The plan is for {plan.scope} {plan.prefix}, the target is {self.scope} {self.prefix}; plan again."
            )
        self._check(plan)
        before = (self.calls.reads, self.calls.writes, self.calls.throttled, self.calls.seconds_waited)
        reports: list[SetReport] = []
        with self.store.lock():
            if self.store.load().serial != plan.serial:
                raise StalePlanError(
                    "Another run has applied a plan since this one was made; plan again and apply that."
                )
            for set_plan in plan.sets:
                try:
                    reports.append(self._apply_set(set_plan))
                except Exception as error:
                    report = self._report(reports, before)
                    message = (
                        str(error)
                        if isinstance(error, ActionError)
                        else f"WAF refused a change of {set_plan.name}: {error}"
                    )
                    raise IncompleteApplyError(message, report) from error
            self.store.save(replace(self.store.load(), planned_at=plan.planned_at))
        return self._report(reports, before)

    def _check(self, plan: Plan) -> None:
        """Check AWS's limits before the first call."""
        for set_plan in plan.sets:
            check_name(set_plan.name)
            check_description(set_plan.description)
            check_addresses(set_plan.addresses, set_plan.family, set_plan.name)

    def _apply_set(self, set_plan: SetPlan) -> SetReport:
        applied = self.store.load().of(set_plan.name)
        if (
            not set_plan.changes
            and not applied.pending
            and dict(applied.for_set(set_plan.set_id).owned) == dict(set_plan.owned)
        ):
            return SetReport(set_plan.name)
        live = read_set(self.calls, self.scope, set_plan.name, set_plan.set_id) if set_plan.exists else None
        for conflict in range(self._max_conflicts + 1):
            live = live or find_set(self.calls, self.scope, set_plan.name)
            merged = self._merged(set_plan, live)
            present = frozenset(() if live is None else live.addresses)
            added = tuple(address for address in merged.addresses if address not in present)
            removed = tuple(sorted(present - set(merged.addresses), key=address_order))
            if not added and not removed:
                self._save_applied(merged)
                return SetReport(set_plan.name, conflicts=conflict)
            self._save_pending(merged, live, added)
            try:
                created = self._write(merged, live)
            except (
                self.calls.error("WAFOptimisticLockException"),
                self.calls.error("WAFNonexistentItemException"),
                self.calls.error("WAFDuplicateItemException"),
            ):
                live = find_set(self.calls, self.scope, set_plan.name)
                continue
            self._save_applied(merged if live is not None else replace(merged, set_id=created))
            return SetReport(set_plan.name, live is None, added, removed, conflict)
        raise WafError(
            f"The IP set {set_plan.name} was changed by somebody else at each of {conflict + 1} attempts; run again when that has ended."
        )

    def _merged(self, set_plan: SetPlan, live: LiveSet | None) -> SetPlan:
        merged = merge(
            set_plan.spec,
            due=set_plan.wanted,
            set_id="" if live is None else live.id,
            live=() if live is None else live.addresses,
            applied=self.store.load().of(set_plan.name),
        )
        check_addresses(merged.addresses, merged.family, merged.name)
        return merged

    def _write(self, merged: SetPlan, live: LiveSet | None) -> str:
        """Create or update the set in one call; returns its id."""
        shared = {
            "Name": merged.name,
            "Scope": self.scope.kind,
            "Addresses": list(merged.addresses),
            "Description": merged.description,
        }
        if live is None:
            response = self.calls.write("create_ip_set", IPAddressVersion=merged.family, Tags=TAGS, **shared)
            return str(response["Summary"]["Id"])
        self.calls.write("update_ip_set", Id=live.id, LockToken=live.lock_token, **shared)
        return live.id

    def _save_pending(self, merged: SetPlan, live: LiveSet | None, added: tuple[str, ...]) -> None:
        """Save additions as pending before the call, so that they are ours even if this process dies."""
        applied = self.store.load()
        set_id = "" if live is None else live.id
        current = applied.of(merged.name).for_set(set_id)
        pending = {**current.pending, **{address: merged.owned[address] for address in added}}
        after = AppliedSet(set_id, current.owned, pending)
        if after != applied.of(merged.name):
            self.store.save(applied.with_set(merged.name, after))

    def _save_applied(self, merged: SetPlan) -> None:
        applied = self.store.load()
        self.store.save(applied.with_set(merged.name, AppliedSet(merged.set_id, merged.owned)))

    def _report(self, reports: list[SetReport], before: tuple[int, int, int, float]) -> ApplyReport:
        calls = self.calls
        return ApplyReport(
            scope=self.scope,
            sets=tuple(reports),
            reads=calls.reads - before[0],
            writes=calls.writes - before[1],
            throttled=calls.throttled - before[2],
            seconds_waited=round(calls.seconds_waited - before[3], 3),
        )
