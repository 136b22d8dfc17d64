"""Scaling targets: an EKS node group, an Auto Scaling group, or a line of a file. Each reads and writes a size."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from platform_assets.clients.aws import AWS_ERRORS, aws_client, aws_sentence
from platform_assets.core.files import locked, write_atomically
from platform_assets.domains.scaling.errors import ScalingError, ScalingFileError
from platform_assets.domains.scaling.groups import live_of_group, live_of_nodegroup
from platform_assets.domains.scaling.plan_values import LiveSize

AWS_TARGET = re.compile(r"(asg|eks):\s*(\S+)@([a-z]{2}(?:-[a-z]+)+-\d)")
FILE_TARGET = re.compile(r"file:\s*(\S.*)")


class Clients:
    """One AWS client per service and region, created on first use."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = aws_client(service, region)
        return self._clients[service, region]


class NodeTarget(Protocol):
    """One cluster's nodes. Both calls raise ScalingError with one sentence."""

    is_file: ClassVar[bool]

    def read(self) -> LiveSize: ...

    def write(self, nodes: int, reason: str) -> None: ...


@dataclass(frozen=True)
class FileTarget:
    """A cluster's entry in a JSON file that other tools read."""

    path: Path
    cluster_id: str

    is_file: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"file:{self.path}"

    def read(self) -> LiveSize:
        entry = self._entries().get(self.cluster_id)
        return LiveSize(None if entry is None else entry["nodes"])

    def write(self, nodes: int, reason: str) -> None:
        try:
            with locked(self.path.with_suffix(".lock")):
                after = {**self._entries(), self.cluster_id: {"nodes": nodes, "reason": reason}}
                write_atomically(self.path, json.dumps(after, indent=1, sort_keys=True) + "\n")
        except OSError as error:
            raise ScalingError(
                f"{self.path} cannot be written ({error.strerror}); let this user write there and run again."
            ) from None

    def _entries(self) -> dict[str, Any]:
        try:
            sizes = json.loads(self.path.read_text(encoding="utf-8"))
            if all(type(entry["nodes"]) is int for entry in sizes.values()):
                return dict(sizes)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        raise ScalingError(f"{self.path} does not hold sizes of clusters; correct or delete it.")


@dataclass(frozen=True)
class GroupTarget:
    """An Auto Scaling group."""

    name: str
    region: str
    clients: Clients = field(default_factory=Clients, compare=False, repr=False)

    is_file: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"asg: {self.name}@{self.region}"

    def read(self) -> LiveSize:
        groups = _groups(self.clients, self.region, [self.name])
        if not groups:
            raise ScalingError(
                f"There is no Auto Scaling group {self.name} in {self.region}; correct it in the file of targets."
            )
        return live_of_group(groups[0])

    def write(self, nodes: int, reason: str) -> None:
        _response(
            lambda: self.clients.client("autoscaling", self.region).set_desired_capacity(
                AutoScalingGroupName=self.name, DesiredCapacity=nodes, HonorCooldown=True
            ),
            f"the Auto Scaling group {self.name} in {self.region}",
            "autoscaling:SetDesiredCapacity",
        )


@dataclass(frozen=True)
class NodegroupTarget:
    """A managed node group of EKS."""

    cluster: str
    nodegroup: str
    region: str
    clients: Clients = field(default_factory=Clients, compare=False, repr=False)

    is_file: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"eks: {self.cluster}/{self.nodegroup}@{self.region}"

    def read(self) -> LiveSize:
        group = _response(
            lambda: self.clients.client("eks", self.region).describe_nodegroup(
                clusterName=self.cluster, nodegroupName=self.nodegroup
            ),
            f"the node group {self.cluster}/{self.nodegroup} in {self.region}",
            "eks:DescribeNodegroup",
        )["nodegroup"]
        if group["status"] not in ("ACTIVE", "UPDATING", "DEGRADED"):
            raise ScalingError(
                f"The node group {self.cluster}/{self.nodegroup} is {group['status']}; run again when it is ACTIVE."
            )
        names = [part["name"] for part in group.get("resources", {}).get("autoScalingGroups", [])]
        try:
            groups = _groups(self.clients, self.region, names) if names else []
        except ScalingError:  # its size is known all the same
            groups = []
        return live_of_nodegroup(group, groups)

    def write(self, nodes: int, reason: str) -> None:
        _response(
            lambda: self.clients.client("eks", self.region).update_nodegroup_config(
                clusterName=self.cluster, nodegroupName=self.nodegroup, scalingConfig={"desiredSize": nodes}
            ),
            f"the node group {self.cluster}/{self.nodegroup} in {self.region}",
            "eks:UpdateNodegroupConfig",
        )


def target_of(text: str, cluster_id: str, folder: Path, clients: Clients) -> NodeTarget:
    """The target that a text names; file paths are relative to `folder`. ScalingFileError for any other text."""
    if match := FILE_TARGET.fullmatch(text.strip()):
        return FileTarget((folder / Path(match[1]).expanduser()).resolve(), cluster_id)
    match = AWS_TARGET.fullmatch(text.strip())
    kind, name, region = match.groups() if match else ("", "", "")
    cluster, slash, nodegroup = name.partition("/")
    if kind == "asg":
        return GroupTarget(name, region, clients)
    if kind == "eks" and cluster and slash and nodegroup and "/" not in nodegroup:
        return NodegroupTarget(cluster, nodegroup, region, clients)
    raise ScalingFileError(
        f"The target {text!r} of {cluster_id} is none; write file: PATH, asg: NAME@region or eks: CLUSTER/NODEGROUP@region."
    )


def _groups(clients: Clients, region: str, names: list[str]) -> list[dict[str, Any]]:
    """The Auto Scaling groups of these names that exist."""
    response = _response(
        lambda: clients.client("autoscaling", region).describe_auto_scaling_groups(AutoScalingGroupNames=names),
        f"the Auto Scaling group {names[0]} in {region}",
        "autoscaling:DescribeAutoScalingGroups",
    )
    return list(response["AutoScalingGroups"])


def _response(call: Callable[[], dict[str, Any]], what: str, permission: str) -> dict[str, Any]:
    """The response of a call; ScalingError with one sentence for any AWS error."""
    try:
        return call()
    except AWS_ERRORS as error:
        raise ScalingError(_sentence(error, what, permission)) from None


def _sentence(error: Exception, what: str, permission: str) -> str:
    fault = getattr(error, "response", {}).get("Error", {})
    code, name = fault.get("Code"), what.removeprefix("the ")
    if code == "ResourceNotFoundException":
        return f"There is no {name}; correct it in the file of targets."
    if code == "ScalingActivityInProgress":
        return f"The {name} is still scaling or cooling down; the next run goes on from there."
    if code == "ResourceInUseException":
        return f"The {name} is being updated; the next run goes on from there."
    if code in ("ValidationError", "InvalidParameterException", "InvalidRequestException"):
        return (
            f"AWS refuses the size for {what} ({fault.get('Message', '')}); correct the bounds in the file of targets."
        )
    return aws_sentence(error, what, permission=permission)
