"""All settings in one frozen object; the only module that reads the environment.

Precedence, lowest first: defaults, `<home>/weir.env`, the process environment (`WEIR_…`), arguments.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from dotenv import dotenv_values, set_key
from pydantic import Field, SecretStr, ValidationError, create_model, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as JsonError

from platform_assets.clients.spark.engines import runner_of
from platform_assets.core.domain import domains, load
from platform_assets.core.sections import Section
from platform_assets.web.addresses import PORT
from spark_jobs.errors import ExitCode, WeirError

HOME_FILE = "weir.env"
READ_ELSEWHERE = frozenset({"WEIR_EVAL_DATA", "WEIR_TEST_AWS", "WEIR_JOB_HASH_KEY"})
"""Variables of `make eval`, of tests on AWS, and of spark-submit's driver, which are not settings."""


class SettingsError(WeirError):
    """A setting is wrong; the message is one sentence that says which and what to do."""

    exit_code = ExitCode.USAGE


class CoreSettings(Section):
    """The settings that belong to no domain; those of a domain or source are a section: `settings.waf.apply`."""

    model_config = SettingsConfigDict(env_prefix="WEIR_")

    # Where things are
    home: Path = Field(
        Path(".weir"),
        description="Folder that holds all local state: lake, MLflow database, Dagster storage, local WAF.",
    )
    lake: str = Field("", description="Root of the lake tables: a folder or s3:// URI; default <home>/lake.")
    mlflow_uri: str = Field("", description="MLflow tracking and registry URI; default sqlite:///<home>/mlflow.db.")

    # Engine
    engine: str = Field(
        "sail",
        description="sail (embedded), local[*], sc://… (Spark Connect), spark://…, yarn or k8s://… (spark-submit), emr-serverless, or glue.",
    )
    tasks: int = Field(
        4,
        ge=1,
        le=100_000,
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
    full_listing_hours: int = Field(
        24,
        ge=0,
        le=87_600,
        description="How often an s3:// location is listed as a whole; in between only where new objects are expected. 0: always.",
    )
    max_object_bytes: int = Field(
        8 << 30,
        ge=1 << 20,
        description="Decompressed bytes read of one object; the rest is rejected as object_too_large.",
    )

    # Personal data
    hash_key: SecretStr = Field(
        SecretStr(""), description="Key of the hashes; default: made once and kept in <home>/hash.key."
    )
    retention_days: dict[str, Annotated[int, Field(le=36_500)]] = Field(
        default_factory=dict,
        description='Days per table or file of the home, as JSON: {"parsed/cloudfront/requests": 7, "alerts.jsonl": 30}; others keep their default.',
    )

    # Models
    signing_key: SecretStr = Field(
        SecretStr(""),
        description="Key that signs model versions that passed their gate; homes that share an MLflow share it; default: made once and kept in <home>/signing.key.",
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

    # Pages
    ui_port: int = Field(
        PORT,
        ge=1,
        le=65_534,
        description="Port of Dagster under `weir ui`, whose --port is remembered here; MLflow takes the next one, to which Dagster's pages link.",
    )

    # Orchestration
    sensor_seconds: int = Field(30, ge=1, description="How often the sensor looks for new log objects.")
    first_hour: str = Field(
        "",
        pattern=r"^(\d{4}-\d\d-\d\d-\d\d)?$",
        description="First hour that can be a partition; empty: the first that a raw object holds.",
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

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A section."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The combined settings take only init values: their sections have read the environment."""
        is_combined = bool(settings_cls.model_fields.keys() & sections().keys())
        return (init_settings,) if is_combined else (init_settings, env_settings, dotenv_settings, file_secret_settings)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with changed values, by the names of their variables: {"waf_apply": True} changes `waf.apply`."""
        nested: dict[str, Any] = {}
        for name, value in (update or {}).items():
            section, _, field = path_of(name).rpartition(".")
            if section:
                nested[section] = nested.get(section, getattr(self, section)).model_copy(update={field: value})
            else:
                nested[field] = value
        return super().model_copy(update=nested, deep=deep)


@cache
def sections() -> dict[str, type[Section]]:
    """Section -> its class, of all domains."""
    return {name: load(reference) for domain in domains().values() for name, reference in domain.settings.items()}


@cache
def variables() -> dict[str, str]:
    """Path of a setting (`home`, `waf.apply`) -> its environment variable."""
    by_path = CoreSettings.variables()
    for section, kind in sections().items():
        by_path |= {f"{section}.{field}": variable for field, variable in kind.variables().items()}
    return by_path


@cache
def _paths() -> dict[str, str]:
    return {variable.removeprefix("WEIR_").lower(): path for path, variable in variables().items()}


def path_of(name: str) -> str:
    """Path of a setting by the name of its variable: `waf_apply` -> `waf.apply`; KeyError for anything else."""
    return _paths()[name]


def value_of(settings: Settings, name: str) -> Any:
    """Value of a setting by the name of its variable."""
    return attrgetter(path_of(name))(settings)


if TYPE_CHECKING:
    Settings = CoreSettings
else:
    Settings = create_model(
        "Settings", __base__=CoreSettings, **{section: (kind, ...) for section, kind in sections().items()}
    )


def load_settings(home: str | Path | None = None, **overrides: Any) -> Settings:
    """Settings for one home; `overrides` by the names of their variables (`waf_apply`).

    SettingsError, with one sentence, if a value is wrong.
    """
    folder = Path(home or os.environ.get("WEIR_HOME") or ".weir").expanduser().resolve()
    arguments: dict[str, dict[str, Any]] = {}
    for name, value in {**overrides, "home": folder}.items():
        section, _, field = path_of(name).rpartition(".")
        arguments.setdefault(section, {})[field] = value
    loaded: dict[str, Any] = {}
    kinds: dict[str, type[Section]] = {"": CoreSettings, **sections()}
    for section, kind in kinds.items():
        try:
            loaded[section] = kind(_env_file=folder / HOME_FILE, **arguments.get(section, {}))  # type: ignore[call-arg]
        except (ValidationError, JsonError) as error:
            if isinstance(error, ValidationError):
                detail = error.errors()[0]
                field, message = str(detail["loc"][0]), detail["msg"].removeprefix("Value error, ")
            else:
                field = str(error).partition('field "')[2].partition('"')[0]  # the error has it in its message only
                message = "it is not JSON"
            variable = kind.variables().get(field, field)
            raise SettingsError(
                f"The setting {variable} is wrong: {message}; correct it in the environment or in {folder / HOME_FILE}."
            ) from None
    core = loaded.pop("")
    return Settings(**{name: getattr(core, name) for name in CoreSettings.model_fields}, **loaded)


def unknown_variables(settings: Settings) -> dict[str, str]:
    """Unknown `WEIR_…` variable of the environment or the home's file -> the closest setting, or ''."""
    from difflib import get_close_matches

    names = {name.upper() for name in (*os.environ, *dotenv_values(settings.home / HOME_FILE, interpolate=False))}
    settings_names = set(variables().values())
    unknown = sorted(name for name in names - settings_names - READ_ELSEWHERE if name.startswith("WEIR_"))
    return {name: next(iter(get_close_matches(name, sorted(settings_names), n=1)), "") for name in unknown}


def remember(settings: Settings, **values: str) -> None:
    """Save values in `<home>/weir.env` for later commands; never used for secrets."""
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / HOME_FILE
    path.touch()
    for name, value in sorted(values.items()):
        set_key(path, f"WEIR_{name.upper()}", value, quote_mode="always")
