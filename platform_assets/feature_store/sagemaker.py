"""The request of Amazon SageMaker's CreateFeatureGroup for a feature group; nothing is sent.

Names have hyphens for underscores. SageMaker records the ingestion time itself (`write_time`), and its online store
counts the ttl from the event time, as ours does.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from platform_assets.feature_store.groups import EVENT_AT, FeatureGroup, FeatureStoreError

FEATURE_TYPES = {"double": "Fractional", "int64": "Integral", "string": "String"}
EVENT_TIME_TYPE = "String"
"""ISO 8601; the alternative is Fractional, in seconds since 1970."""
RESERVED = {"is_deleted", "write_time", "api_invocation_time"}
UNITS = {"Weeks": timedelta(weeks=1), "Days": timedelta(days=1), "Hours": timedelta(hours=1), "Minutes": timedelta(minutes=1)}  # fmt: skip
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/?[\w+=,.@/-]+")
MAX_DESCRIPTION_LENGTH = 128


def create_feature_group(group: FeatureGroup, offline_uri: str = "", role_arn: str = "") -> dict[str, Any]:
    """The request; with an offline store if `offline_uri` (s3://…) and its role are given.

    FeatureStoreError if one of the two is missing or wrong, or a name is reserved by SageMaker.
    """
    if bool(offline_uri) != bool(role_arn):
        raise FeatureStoreError(
            "An offline store needs its s3:// URI and the role that writes there; give both or none."
        )
    if offline_uri and not re.fullmatch(r"s3://[^/]+(/.*)?", offline_uri):
        raise FeatureStoreError(f"The offline store {offline_uri} is no s3:// URI; correct it.")
    if role_arn and not ROLE.fullmatch(role_arn):
        raise FeatureStoreError(f"{role_arn} is no ARN of an IAM role; correct it.")
    if reserved := RESERVED & set(group.feature_names):
        raise FeatureStoreError(f"SageMaker keeps {', '.join(sorted(reserved))} for itself; rename it in groups.py.")
    request: dict[str, Any] = {
        "FeatureGroupName": sagemaker_name(group),
        "Description": group.meaning[:MAX_DESCRIPTION_LENGTH],
        "RecordIdentifierFeatureName": group.identifier.name,
        "EventTimeFeatureName": EVENT_AT.name,
        "FeatureDefinitions": [
            {"FeatureName": group.identifier.name, "FeatureType": FEATURE_TYPES[group.identifier.type]},
            {"FeatureName": EVENT_AT.name, "FeatureType": EVENT_TIME_TYPE},
            *({"FeatureName": feature.name, "FeatureType": FEATURE_TYPES[feature.type]} for feature in group.features),
        ],
        "OnlineStoreConfig": {"EnableOnlineStore": True, "TtlDuration": ttl_duration(group.ttl)},
    }
    if offline_uri:
        request["OfflineStoreConfig"] = {"S3StorageConfig": {"S3Uri": offline_uri.rstrip("/")}}
        request["RoleArn"] = role_arn
    return request


def sagemaker_name(group: FeatureGroup) -> str:
    """`infrastructure_metrics` -> `infrastructure-metrics`."""
    return group.name.replace("_", "-")


def ttl_duration(ttl: timedelta) -> dict[str, Any]:
    """The duration in SageMaker's largest unit that divides it."""
    for unit, length in UNITS.items():
        if not ttl % length:
            return {"Unit": unit, "Value": ttl // length}
    return {"Unit": "Seconds", "Value": int(ttl.total_seconds())}
