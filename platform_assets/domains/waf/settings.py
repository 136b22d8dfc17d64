"""Settings of the edge: CloudFront logs (`settings.cloudfront`) and WAF (`settings.waf`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from platform_assets.core.sections import Section
from platform_assets.domains.waf.scopes import Scope, parse_scopes


class CloudFrontSettings(Section):
    """CloudFront access logs: their location, and how they are parsed."""

    model_config = SettingsConfigDict(env_prefix="WEIR_CLOUDFRONT_")

    raw: str = Field(
        "",
        description="Folder or s3:// URI of the CloudFront log objects; `weir run edge --input` remembers it in <home>/weir.env.",
    )
    include: str = Field(
        "",
        description="Comma-separated patterns of the log objects to read, such as */cloudfront/*; empty reads all that the location holds.",
    )
    exclude: str = Field(
        "",
        description="Comma-separated patterns of objects that are no CloudFront logs, such as */alb/*,*.md; they are left out.",
    )
    queue_url: str = Field(
        "",
        description="SQS queue with S3's notifications of new log objects; they are taken from it instead of listing each time (docs/delivery.md).",
        validation_alias="WEIR_RAW_QUEUE_URL",
    )
    stream: str = Field(
        "",
        description="Kinesis data stream of a real-time log configuration, which `weir stream run cloudfront` reads.",
    )
    stream_fields: str = Field(
        "realtime",
        description="Fields of that configuration, in any order; realtime: all of them.",
    )
    headerless_layout: str = Field(
        "",
        description="Layout of files without a #Fields header: 12, 15, 18, 19, 23, 24, 26 or 33 (fields), realtime, or a list of fields (of a real-time log in any order); empty rejects them.",
        validation_alias="WEIR_HEADERLESS_LAYOUT",
    )
    max_line_bytes: int = Field(
        1 << 20,
        ge=1024,
        description="Longer lines are rejected as line_too_long.",
        validation_alias="WEIR_MAX_LINE_BYTES",
    )
    max_expansion_ratio: int = Field(
        1000,
        ge=10,
        description="Decompressed to stored size beyond which the rest of an object is rejected as expands_too_much.",
        validation_alias="WEIR_MAX_EXPANSION_RATIO",
    )
    cookies: Literal["hash", "keep", "drop"] = Field(
        "hash", description="What becomes of cs(Cookie).", validation_alias="WEIR_COOKIES"
    )
    hash_query_values: bool = Field(
        False,
        description="Hash the values of query strings at parsing (request scoring then sees names only).",
        validation_alias="WEIR_HASH_QUERY_VALUES",
    )


class WafSettings(Section):
    """Decisions and WAF: the target, the policy, and the training data of the edge's models."""

    model_config = SettingsConfigDict(env_prefix="WEIR_WAF_")

    target: Literal["twin", "aws"] = Field("twin", description="twin: the strict local WAF in <home>/waf; aws: wafv2.")
    apply: bool = Field(False, description="Apply plans; false only shows them.")
    scopes: str = Field(
        "CLOUDFRONT",
        description="Scopes of the IP sets, comma-separated: CLOUDFRONT, REGIONAL:eu-west-1, ….",
    )
    prefix: str = Field("weir", pattern=r"^[\w-]{1,64}$", description="Names of the IP sets begin with it.")
    policy_file: str = Field(
        "",
        description="YAML policy of the decisions; default: the one that the package ships.",
        validation_alias="WEIR_POLICY_FILE",
    )
    allow_list: str = Field(
        "",
        description="File with one address or CIDR a line that is never acted upon; your own belong there (NAT gateways, offices, monitors).",
        validation_alias="WEIR_ALLOW_LIST",
    )
    bot_dns: bool = Field(
        False,
        description="Ask DNS whether clients that call themselves a known crawler are it; without, only published addresses count.",
        validation_alias="WEIR_BOT_DNS",
    )
    bot_dns_timeout_seconds: float = Field(
        3.0, gt=0, le=60, description="How long one lookup may take.", validation_alias="WEIR_BOT_DNS_TIMEOUT_SECONDS"
    )
    bot_dns_max_clients: int = Field(
        200,
        ge=0,
        description="Clients that one run asks DNS about at most.",
        validation_alias="WEIR_BOT_DNS_MAX_CLIENTS",
    )
    labelled_requests: str = Field(
        "",
        description="Comma-separated CSV, JSONL or Parquet files of labelled requests to fit on besides the generated corpus.",
        validation_alias="WEIR_LABELLED_REQUESTS",
    )
    labelled_logs: str = Field(
        "",
        description="Comma-separated folders with raw/ and truth/clients.parquet, to fit client_abuse on besides simulated days.",
        validation_alias="WEIR_LABELLED_LOGS",
    )
    training_days: int = Field(
        3,
        ge=2,
        le=366,
        description="Simulated days that client_abuse is fitted and evaluated on.",
        validation_alias="WEIR_TRAINING_DAYS",
    )

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, value: str) -> str:
        return ",".join(map(str, parse_scopes(value)))

    @property
    def parsed_scopes(self) -> tuple[Scope, ...]:
        """The scopes of the IP sets."""
        return parse_scopes(self.scopes)
