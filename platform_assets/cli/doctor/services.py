"""Checks of services beside the data: AWS credentials, alerts, metrics, the Glue catalogue, online features."""

from __future__ import annotations

from platform_assets.cli.doctor import network
from platform_assets.cli.doctor.findings import Check, State
from platform_assets.clients import glue_catalogue as glue
from platform_assets.clients.aws import (
    AWS_ERRORS,
    BAD_CREDENTIALS,
    CREDENTIALS_HINT,
    aws_client,
    aws_sentence,
    url_without_secrets,
)
from platform_assets.core.domain import parts
from platform_assets.feature_store.online import DYNAMODB
from platform_assets.feature_store.online import FILE_NAME as FEATURES_FILE
from platform_assets.ingest.listings import location_of
from platform_assets.settings import Settings
from spark_jobs.registry import sources
from spark_jobs.wording import counted


def credentials(settings: Settings) -> tuple[State, str]:
    locations = (settings.lake_root, *(location_of(settings, name) for name in sources()))
    uses_s3 = any(location.startswith("s3://") for location in locations)
    domain_services = [service for _, services in parts("aws_services") for service in services(settings)]
    uses = {
        "S3": uses_s3,
        "CloudWatch": settings.metrics_target == "cloudwatch",
        "SNS": bool(settings.alerts_sns_topic_arn),
        "EMR Serverless": settings.engine == "emr-serverless",
        "Glue": settings.engine == "glue" or bool(settings.glue_database),
        "DynamoDB": settings.online_store.startswith(DYNAMODB),
    } | dict.fromkeys(domain_services, True)
    needed = ", ".join(name for name, is_used in uses.items() if is_used)
    if not needed:
        return "off", "Nothing that is set uses AWS."
    import boto3  # half a second: only where AWS is used

    try:
        identity = boto3.session.Session().get_credentials()
    except AWS_ERRORS as error:
        return "failed", aws_sentence(error, needed)
    if identity is None:
        return "failed", f"None were found and {needed} need them; {CREDENTIALS_HINT}."
    present = f"Found ({identity.method}), for {needed}"
    if not domain_services and not (
        uses_s3 and not settings.s3_endpoint_url
    ):  # another store's credentials have no account
        return "ok", f"{present}."
    try:
        client = aws_client("sts", settings.aws_region, seconds=network.SECONDS, attempts=1)
        return "ok", f"{present}, account {client.get_caller_identity()['Account']}."
    except AWS_ERRORS as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code")
        if code is not None and code not in BAD_CREDENTIALS:  # a stand-in for AWS that has no STS
            return "ok", f"{present}; {url_without_secrets(client.meta.endpoint_url)} does not tell the account."
        return "failed", aws_sentence(error, needed)


def webhook(settings: Settings) -> tuple[State, str]:
    url = settings.alerts_webhook_url.get_secret_value()
    if not url:
        return "off", f"None is set; alerts are in {settings.home / 'alerts.jsonl'}."
    if not url.startswith(("http://", "https://")):
        return "failed", "It is not an http:// or https:// URL; correct WEIR_ALERTS_WEBHOOK_URL."
    return network.connect(url, 443 if url.startswith("https") else 80, "The webhook", "WEIR_ALERTS_WEBHOOK_URL")


def sns(settings: Settings) -> tuple[State, str]:
    topic = settings.alerts_sns_topic_arn
    if not topic:
        return "off", f"No topic is set; alerts are in {settings.home / 'alerts.jsonl'}."
    region = (topic.split(":") + [""] * 4)[3] or settings.aws_region
    call = ("sns", "get_topic_attributes", f"SNS topic {topic}", "sns:GetTopicAttributes")
    return network.ask_aws(call, "is there.", region, TopicArn=topic)


def metrics(settings: Settings) -> tuple[State, str]:
    if settings.metrics_target == "file":
        return "ok", f"To {settings.home / 'metrics.jsonl'}."
    namespace, region = settings.metrics_namespace, settings.aws_region
    call = ("cloudwatch", "list_metrics", f"CloudWatch namespace {namespace} in {region}", "cloudwatch:ListMetrics")
    return network.ask_aws(call, "can be reached.", region, Namespace=namespace)


def catalogue(settings: Settings) -> tuple[State, str]:
    database = settings.glue_database
    if not database:
        return "off", "WEIR_GLUE_DATABASE names no database; `weir sql` needs none."
    if not settings.lake_root.startswith("s3://"):
        return "failed", f"Glue cannot hold tables of {settings.lake_root}; set WEIR_LAKE to an s3:// URI."
    try:
        count = glue.registered_count(settings, network.SECONDS)
    except glue.CatalogueError as error:
        return "failed", str(error)
    return ("ok" if count else "missing"), f"The Glue database {database} holds {counted(count, 'table')} of this lake."


def online_features(settings: Settings) -> tuple[State, str]:
    if not settings.online_store.startswith(DYNAMODB):
        return "ok", f"In {settings.home / FEATURES_FILE}."
    table, region = settings.online_store.removeprefix(DYNAMODB), settings.aws_region
    call = ("dynamodb", "describe_table", f"the DynamoDB table {table}", "dynamodb:DescribeTable")
    return network.ask_aws(call, "is there.", region, TableName=table)


SERVICES: dict[str, Check] = {
    "aws credentials": credentials,
    "alerts webhook": webhook,
    "alerts sns": sns,
    "metrics": metrics,
    "glue catalogue": catalogue,
    "online features": online_features,
}
