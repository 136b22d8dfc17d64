"""An Auto Scaling group and a node group in an empty account, and what the file of targets calls them. No test here."""

from __future__ import annotations

import boto3

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
