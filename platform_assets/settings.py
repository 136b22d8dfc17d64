"""Every value that the environment can set, in one frozen object. The only reader of the environment.

`load_settings` reads, from weak to strong: defaults, `<home>/weir.env`, the process environment (`WEIR_…`), arguments.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from platform_assets.resources.spark.engines import runner_of
from platform_assets.waf.scopes import Scope, parse_scopes
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.metrics.business_hours import calendar_of
from spark_jobs.sources.metrics.mapping import overridden

HOME_FILE = "weir.env"
READ_ELSEWHERE = frozenset({"WEIR_EVAL_DATA", "WEIR_TEST_AWS", "WEIR_JOB_HASH_KEY"})
"""Of `make eval`, of the tests on AWS, and what spark-submit's driver is handed: no settings."""


class SettingsError(WeirError):
    """A setting is wrong; the message is one sentence that says which and what to do."""

    exit_code = ExitCode.USAGE


class Settings(BaseSettings):
    """All settings; each field is the environment variable `WEIR_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", case_sensitive=False)

    # Where things are
    home: Path = Field(
        Path(".weir"),
        description="Folder that holds all local state: lake, MLflow database, Dagster storage, local WAF.",
    )
    lake: str = Field("", description="Root of the lake tables: a folder or s3:// URI; default <home>/lake.")
    cloudfront_raw: str = Field(
        "",
        description="Folder or s3:// URI of the CloudFront log objects; `weir run edge --input` remembers it in <home>/weir.env.",
    )
    metrics_raw: str = Field(
        "",
        description="Folder or s3:// URI of the metric files; the poller of CloudWatch writes there too.",
    )
    mlflow_uri: str = Field("", description="MLflow tracking and registry URI; default sqlite:///<home>/mlflow.db.")

    # Engine
    engine: str = Field(
        "sail",
        description="sail (embedded), local[*], sc://… (Spark Connect), spark://…, yarn or k8s://… (spark-submit), emr-serverless, or glue.",
    )
    tasks: int = Field(
        4,
        ge=1,
        description="Parallel tasks of a parse or scoring job: the cores that the engine has, or twice as many.",
    )
    spark_conf: dict[str, str] = Field(
        default_factory=dict,
        description='Spark properties for spark-submit, EMR Serverless and Glue, as JSON: {"spark.executor.memory": "4g"}; seen by others, so never secrets.',
    )
    package_uri: str = Field(
        "",
        description="s3:// folder with the files of `make package`, for emr-serverless and glue; spark-submit makes its own.",
    )
    emr_application_id: str = Field("", pattern=r"^[0-9a-z]*$", description="EMR Serverless application.")
    emr_job_role_arn: str = Field(
        "", pattern=r"^(arn:[\w-]+:iam::\d{12}:role/.+)?$", description="Role that jobs on EMR Serverless run as."
    )
    emr_environment: str = Field(
        "environment.tar.gz",
        description="Archive in WEIR_PACKAGE_URI with the Python of the jobs on EMR Serverless; empty where the image of the application has it.",
    )
    glue_job: str = Field("", description="Name of the Glue job.")
    hash_key_secret: str = Field(
        "",
        description="Name or ARN of the AWS Secrets Manager secret with the hash key, which jobs on emr-serverless and glue read.",
    )

    # AWS
    aws_region: str = Field(
        "us-east-1", description="Region of S3, SNS and CloudWatch; those of WAF are in WEIR_WAF_SCOPES."
    )
    s3_endpoint_url: str = Field(
        "",
        description="S3-compatible store in place of S3, for log objects and lake; all other services take botocore's own AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_WAFV2, ….",
    )

    # Logs
    raw_queue_url: str = Field(
        "",
        description="SQS queue with S3's notifications of new log objects; they are taken from it instead of listing each time (docs/delivery.md).",
    )
    full_listing_hours: int = Field(
        24,
        ge=0,
        description="How often an s3:// location is listed as a whole; in between only where new objects are expected. 0: always.",
    )
    headerless_layout: str = Field(
        "",
        description="Layout of files without a #Fields header: 12, 18, 19, 24, 26 or 33 (fields), or a space-separated field list; empty rejects them.",
    )
    max_line_bytes: int = Field(1 << 20, ge=1024, description="Longer lines are rejected as line_too_long.")
    max_object_bytes: int = Field(
        8 << 30,
        ge=1 << 20,
        description="Decompressed bytes read of one object; the rest is rejected as object_too_large.",
    )
    max_expansion_ratio: int = Field(
        1000,
        ge=10,
        description="Decompressed to stored size beyond which the rest of an object is rejected as expands_too_much.",
    )

    # Metrics of clusters
    metrics_mapping: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description='Names of metrics besides those of the mapping table, as JSON: {"AWS/EC2 NetworkOut": {"metric": "network_utilization", "factor": 1e-8}}.',
    )
    cloudwatch_poll: bool = Field(False, description="Poll CloudWatch (GetMetricData) every five minutes.")
    cloudwatch_clusters: str = Field("", description="Clusters whose Container Insights are polled, comma-separated.")
    cloudwatch_queries: str = Field(
        "", description="YAML file with the queries to poll, in place of Container Insights (docs/metrics.md)."
    )
    cloudwatch_first_hours: int = Field(3, ge=1, le=360, description="How many hours the first poll goes back.")
    calendar_time_zone: str = Field("UTC", description="Time zone of the features of time, such as Europe/Berlin.")
    calendar_business_days: str = Field("mon-fri", description="Business days: mon-fri, or sun,mon,tue; empty: none.")
    calendar_business_hours: str = Field("09:00-17:00", description="Business hours in that time zone.")
    calendar_holidays: str = Field("", description="Days off, comma-separated: 2026-12-25,2027-01-01.")

    # Personal data
    cookies: Literal["hash", "keep", "drop"] = Field("hash", description="What becomes of cs(Cookie).")
    hash_query_values: bool = Field(
        False, description="Hash the values of query strings at parsing (request scoring then sees names only)."
    )
    hash_key: SecretStr = Field(
        SecretStr(""), description="Key of the hashes; default: made once and kept in <home>/hash.key."
    )
    retention_days: dict[str, int] = Field(
        default_factory=dict,
        description='Days per table or file of the home, as JSON: {"parsed/cloudfront/requests": 7, "alerts.jsonl": 30}; others keep their default.',
    )

    # Models
    labelled_requests: str = Field(
        "",
        description="Comma-separated CSV, JSONL or Parquet files of labelled requests to fit on besides the generated corpus.",
    )
    labelled_logs: str = Field(
        "",
        description="Comma-separated folders with raw/ and truth/clients.parquet, to fit client_abuse on besides simulated days.",
    )
    training_days: int = Field(3, ge=2, description="Simulated days that client_abuse is fitted and evaluated on.")
    retrain_cron: str = Field("0 3 * * 0", description="When the models are fitted again (UTC).")

    # WAF
    waf_target: Literal["twin", "aws"] = Field(
        "twin", description="twin: the strict local WAF in <home>/waf; aws: wafv2."
    )
    waf_apply: bool = Field(False, description="Apply plans; false only shows them.")
    waf_scopes: str = Field(
        "CLOUDFRONT",
        description="Scopes of the IP sets, comma-separated: CLOUDFRONT, REGIONAL:eu-west-1, ….",
    )
    waf_prefix: str = Field("weir", pattern=r"^[\w-]{1,64}$", description="Names of the IP sets begin with it.")
    policy_file: str = Field("", description="YAML policy of the decisions; default: the one that the package ships.")
    allow_list: str = Field(
        "",
        description="File with one address or CIDR a line that is never acted upon; your own belong there (NAT gateways, offices, monitors).",
    )
    bot_dns: bool = Field(
        False,
        description="Ask DNS whether clients that call themselves a known crawler are it; without, only published addresses count.",
    )
    bot_dns_timeout_seconds: float = Field(3.0, gt=0, le=60, description="How long one lookup may take.")
    bot_dns_max_clients: int = Field(200, ge=0, description="Clients that one run asks DNS about at most.")

    # Scaling of clusters
    scaling_file: str = Field(
        "",
        description="YAML file with the target and the bounds of each cluster (docs/scaling-actions.md); default: every cluster has its line in <home>/scaling/desired.json.",
    )
    scaling_apply: bool = Field(False, description="Change the sizes of clusters as planned; false only shows it.")
    scaling_max_age_minutes: int = Field(
        15,
        ge=1,
        description="How old the newest complete step of a cluster may be; an older one changes nothing.",
    )

    # Exports
    database_url: SecretStr = Field(SecretStr(""), description="SQLAlchemy URL; default sqlite:///<home>/weir.db.")
    metrics_target: Literal["file", "cloudwatch"] = Field("file", description="file: <home>/metrics.jsonl.")
    metrics_namespace: str = Field("Weir", description="CloudWatch namespace.")
    alerts_webhook_url: SecretStr = Field(SecretStr(""), description="HTTP(S) URL that alerts are posted to as JSON.")
    alerts_sns_topic_arn: str = Field(
        "", description="SNS topic that alerts are published to; without it and the webhook: <home>/alerts.jsonl."
    )

    # Features
    online_store: str = Field(
        "sqlite",
        description="Where the current row of each entity is: sqlite (<home>/features.db), or dynamodb:<table>, a table in WEIR_AWS_REGION (docs/feature-store.md).",
    )

    # SQL
    glue_database: str = Field(
        "",
        pattern=r"^[a-z0-9_]{0,255}$",
        description="Database of the AWS Glue catalogue that the tables of a lake on s3:// are registered in, for Athena and Trino; empty: none. `weir sql` calls its database the same (default: weir).",
    )

    # Orchestration
    sensor_seconds: int = Field(30, ge=5, description="How often the sensor looks for new log objects.")
    first_hour: str = Field(
        "2009-01-01-00", pattern=r"^\d{4}-\d\d-\d\d-\d\d$", description="First hour that can be a partition."
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("engine")
    @classmethod
    def _engine(cls, value: str) -> str:
        runner_of(value)
        return value

    @field_validator("calendar_time_zone", "calendar_business_days", "calendar_business_hours", "calendar_holidays")
    @classmethod
    def _calendar(cls, value: str, info: ValidationInfo) -> str:
        calendar_of({str(info.field_name).removeprefix("calendar_"): value})
        return value

    @field_validator("metrics_mapping")
    @classmethod
    def _mapping(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        overridden(value)
        return value

    @field_validator("package_uri")
    @classmethod
    def _in_s3(cls, value: str) -> str:
        if value and not value.startswith("s3://"):
            raise ValueError("it is no s3:// URI")
        return value

    @field_validator("online_store")
    @classmethod
    def _online_store(cls, value: str) -> str:
        if not re.fullmatch(r"sqlite|dynamodb:[\w.-]{3,255}", value, re.ASCII):
            raise ValueError(f"{value!r} is neither sqlite nor dynamodb:<table>")
        return value

    @field_validator("waf_scopes")
    @classmethod
    def _scopes(cls, value: str) -> str:
        return ",".join(map(str, parse_scopes(value)))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Where WAF is to act."""
        return parse_scopes(self.waf_scopes)

    @property
    def lake_root(self) -> str:
        return (self.lake or str(self.home / "lake")).rstrip("/")

    @property
    def tracking_uri(self) -> str:
        return self.mlflow_uri or f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def database(self) -> SecretStr:
        return (
            self.database_url
            if self.database_url.get_secret_value()
            else SecretStr(f"sqlite:///{self.home / 'weir.db'}")
        )


def load_settings(home: str | Path | None = None, **overrides: Any) -> Settings:
    """Settings for one home. SettingsError with one sentence where a value is wrong."""
    where = Path(home or os.environ.get("WEIR_HOME") or ".weir").expanduser().resolve()
    try:
        return Settings(_env_file=where / HOME_FILE, home=where, **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(
            f"The setting WEIR_{name} is wrong: {first['msg'].removeprefix('Value error, ')}; correct it in the environment or in {where / HOME_FILE}."
        ) from None


def unknown_variables(settings: Settings) -> dict[str, str]:
    """`WEIR_…` of the environment or the home's file that is no setting -> the setting nearest in name, '' without any."""
    from difflib import get_close_matches

    named = {name.upper() for name in os.environ} | {name.upper() for name in _kept(settings.home / HOME_FILE)}
    known = {f"WEIR_{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in named - known - READ_ELSEWHERE if name.startswith("WEIR_"))
    return {name: next(iter(get_close_matches(name, sorted(known), n=1)), "") for name in unknown}


def remember(settings: Settings, **values: str) -> None:
    """Keep values for later commands of the same home, in `<home>/weir.env`; never used for secrets."""
    path = settings.home / HOME_FILE
    settings.home.mkdir(parents=True, exist_ok=True)
    kept = _kept(path)
    for name, value in values.items():
        kept[f"WEIR_{name.upper()}"] = "'" + value.replace("'", "\\'") + "'"
    path.write_text("".join(f"{name}={value}\n" for name, value in sorted(kept.items())), encoding="utf-8")


def _kept(path: Path) -> dict[str, str]:
    """What the home's file says, as it is written there."""
    kept = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, separator, value = line.partition("=")
            if separator and not line.lstrip().startswith("#"):
                kept[name.strip()] = value.strip()
    return kept
