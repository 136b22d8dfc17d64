"""An Auto Scaling group and a node group in an empty account, what the file of targets calls them, and AWS's answers. No test here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.stub import Stubber

from platform_assets.domains.scaling.targets import Clients

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/nodes"


def scaled_groups(nodes: int = 4, least: int = 1, most: int = 8) -> dict[str, str]:
    """Make them; cluster -> target."""
    ec2, autoscaling = boto3.client("ec2", REGION), boto3.client("autoscaling", REGION)
    subnet = ec2.describe_subnets()["Subnets"][0]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    autoscaling.create_launch_configuration(LaunchConfigurationName="ads", ImageId=image, InstanceType="t3.micro")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="ads",
        LaunchConfigurationName="ads",
        MinSize=least,
        MaxSize=most,
        DesiredCapacity=nodes,
        VPCZoneIdentifier=subnet["SubnetId"],
    )
    eks = boto3.client("eks", REGION)
    eks.create_cluster(name="shop", roleArn=ROLE, resourcesVpcConfig={"subnetIds": [subnet["SubnetId"]]})
    eks.create_nodegroup(
        clusterName="shop",
        nodegroupName="workers",
        subnets=[subnet["SubnetId"]],
        nodeRole=ROLE,
        scalingConfig={"minSize": least, "maxSize": most, "desiredSize": nodes},
    )
    return {"ads": f"asg: ads@{REGION}", "shop": f"eks: shop/workers@{REGION}"}


def described_group(
    serving: Sequence[int],
    starting: Sequence[int] = (),
    desired: int = 12,
    suspended: Sequence[str] = (),
    name: str = "shop-workers",
) -> dict[str, Any]:
    """A group as DescribeAutoScalingGroups gives it; its instances by their weights."""
    states = [("InService", weight) for weight in serving] + [("Pending", weight) for weight in starting]
    instances = [
        {
            "InstanceId": f"i-{number:017d}",
            "AvailabilityZone": f"{REGION}a",
            "LifecycleState": state,
            "HealthStatus": "Healthy",
            "ProtectedFromScaleIn": False,
            **({"WeightedCapacity": str(weight)} if weight else {}),
        }
        for number, (state, weight) in enumerate(states)
    ]
    return {
        "AutoScalingGroupName": name,
        "MinSize": 2,
        "MaxSize": 40,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": [f"{REGION}a"],
        "HealthCheckType": "EC2",
        "CreatedTime": datetime(2026, 11, 1, tzinfo=UTC),
        "Instances": instances,
        "SuspendedProcesses": [{"ProcessName": process} for process in suspended],
    }


class StubbedClients(Clients):
    """Clients that give these answers, in order: (service, operation, answer); of a text its error."""

    def __init__(self, *answers: tuple[str, str, dict[str, Any] | str]) -> None:
        super().__init__()
        self.stubs: dict[str, Stubber] = {}
        for service, operation, answer in answers:
            if service not in self.stubs:
                client = boto3.client(service, REGION, aws_access_key_id="test", aws_secret_access_key="test")
                self.stubs[service] = Stubber(client)
                self.stubs[service].activate()
            if isinstance(answer, str):
                self.stubs[service].add_client_error(operation, answer)
            else:
                self.stubs[service].add_response(operation, answer)

    def client(self, service: str, region: str) -> Any:
        return self.stubs[service].client
