"""What a group in AWS really has: instances in service and starting, their capacity units, suspended processes, faults. Pure.

Reads the answers of DescribeAutoScalingGroups and DescribeNodegroup; who asks for them is in targets.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from platform_assets.domains.scaling.plan_values import LiveSize
from spark_jobs.wording import counted

IN_SERVICE = "InService"
STARTING = ("Pending", "Pending:Wait", "Pending:Proceed")
SUSPENDED = {"Launch": "launches", "Terminate": "terminations"}
"""Processes of a group that a change of its size needs, and what they do."""


def live_of_group(group: Mapping[str, Any]) -> LiveSize:
    """The size of an Auto Scaling group, in its own capacity units."""
    instances = group.get("Instances", [])
    serving = [instance for instance in instances if instance["LifecycleState"] == IN_SERVICE]
    starting = [instance for instance in instances if instance["LifecycleState"] in STARTING]
    weighed = serving or starting
    units = _units(weighed)
    suspended = {process["ProcessName"] for process in group.get("SuspendedProcesses", [])}
    return LiveSize(
        group["DesiredCapacity"],
        group["MinSize"],
        group["MaxSize"],
        in_service=len(serving),
        starting=len(starting),
        units_per_node=units / len(weighed) if weighed else 1.0,
        missing=max(0, group["DesiredCapacity"] - _units([*serving, *starting])),
        suspended=tuple(text for name, text in SUSPENDED.items() if name in suspended),
    )


def live_of_nodegroup(nodegroup: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> LiveSize:
    """The size of a managed node group; `groups` are the Auto Scaling groups behind it, as far as they can be read."""
    sizes = nodegroup["scalingConfig"]
    faults = tuple(
        f"{issue['code']} ({issue.get('message', '').rstrip('.')})"
        for issue in nodegroup.get("health", {}).get("issues", [])
    )
    live = LiveSize(sizes["desiredSize"], sizes["minSize"], sizes["maxSize"], faults=faults)
    if not groups:
        return live
    parts = [live_of_group(group) for group in groups]
    return replace(
        live,
        in_service=sum(part.in_service or 0 for part in parts),
        starting=sum(part.starting for part in parts),
        missing=sum(part.missing for part in parts),
        suspended=tuple(text for text in SUSPENDED.values() if any(text in part.suspended for part in parts)),
    )


def remarks(live: LiveSize) -> list[str]:
    """What a person has to know of the group beside its size, as ends of a sentence."""
    texts = []
    if live.units_per_node != 1.0:
        texts.append(
            f"in capacity units, {live.units_per_node:.3g} a node, {counted(live.in_service or 0, 'node')} in service"
        )
    if live.starting:
        texts.append(f"{counted(live.starting, 'node is', 'nodes are')} starting")
    if live.missing:
        texts.append(
            f"{live.missing} of {live.nodes} have not been launched: look at the scaling activities of the group"
        )
    texts += [
        f"{what} are suspended in its group, so none takes place until they are resumed" for what in live.suspended
    ]
    texts += [f"its node group reports {fault}" for fault in live.faults]
    return texts


def _units(instances: Sequence[Mapping[str, Any]]) -> int:
    return sum(int(instance.get("WeightedCapacity", 1)) for instance in instances)
