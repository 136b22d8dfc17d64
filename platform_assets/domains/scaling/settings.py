"""Settings of the metrics of clusters (`settings.metrics`) and of scaling (`settings.scaling`)."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from platform_assets.core.sections import Section
from spark_jobs.sources.metrics.business_hours import calendar_of
from spark_jobs.sources.metrics.mapping import overridden


class MetricsSettings(Section):
    """Cluster metrics: their location, the CloudWatch poller, and the calendar for time features."""

    model_config = SettingsConfigDict(env_prefix="WEIR_METRICS_")

    raw: str = Field(
        "",
        description="Folder or s3:// URI of the metric files; the poller of CloudWatch writes there too.",
    )
    include: str = Field(
        "",
        description="Comma-separated patterns of the metric files to read; empty reads all that the location holds.",
    )
    exclude: str = Field(
        "",
        description="Comma-separated patterns of files that hold no metrics; they are left out.",
    )
    mapping: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description='Names of metrics besides those of the mapping table, as JSON: {"AWS/EC2 NetworkOut": {"metric": "network_utilization", "factor": 1e-8}}.',
    )
    poll: bool = Field(
        False,
        description="Poll CloudWatch (GetMetricData) every five minutes.",
        validation_alias="WEIR_CLOUDWATCH_POLL",
    )
    clusters: str = Field(
        "",
        description="Clusters whose Container Insights are polled, comma-separated.",
        validation_alias="WEIR_CLOUDWATCH_CLUSTERS",
    )
    queries: str = Field(
        "",
        description="YAML file with the queries to poll, in place of Container Insights (docs/metrics.md).",
        validation_alias="WEIR_CLOUDWATCH_QUERIES",
    )
    first_hours: int = Field(
        3,
        ge=1,
        le=360,
        description="How many hours the first poll goes back.",
        validation_alias="WEIR_CLOUDWATCH_FIRST_HOURS",
    )
    calendar_time_zone: str = Field(
        "UTC",
        description="Time zone of the features of time, such as Europe/Berlin.",
        validation_alias="WEIR_CALENDAR_TIME_ZONE",
    )
    calendar_business_days: str = Field(
        "mon-fri",
        description="Business days: mon-fri, or sun,mon,tue; empty: none.",
        validation_alias="WEIR_CALENDAR_BUSINESS_DAYS",
    )
    calendar_business_hours: str = Field(
        "09:00-17:00", description="Business hours in that time zone.", validation_alias="WEIR_CALENDAR_BUSINESS_HOURS"
    )
    calendar_holidays: str = Field(
        "", description="Days off, comma-separated: 2026-12-25,2027-01-01.", validation_alias="WEIR_CALENDAR_HOLIDAYS"
    )

    @field_validator("calendar_time_zone", "calendar_business_days", "calendar_business_hours", "calendar_holidays")
    @classmethod
    def _calendar(cls, value: str, info: ValidationInfo) -> str:
        calendar_of({str(info.field_name).removeprefix("calendar_"): value})
        return value

    @field_validator("mapping")
    @classmethod
    def _mapping(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        overridden(value)
        return value


class ScalingSettings(Section):
    """Sizes of clusters: the file of targets, and whether plans are applied."""

    model_config = SettingsConfigDict(env_prefix="WEIR_SCALING_")

    file: str = Field(
        "",
        description="YAML file with the target and the bounds of each cluster (docs/scaling-actions.md); default: every cluster has its line in <home>/scaling/desired.json.",
    )
    apply: bool = Field(False, description="Change the sizes of clusters as planned; false only shows it.")
    max_age_minutes: int = Field(
        15,
        ge=1,
        le=525_600,
        description="How old the newest complete step of a cluster may be; an older one changes nothing.",
    )
