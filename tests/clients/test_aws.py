"""The one way to AWS: where a client asks, how long it waits, and what a person reads when it fails."""

from __future__ import annotations

import ast
import re
import urllib.request
from pathlib import Path

import boto3
import pytest

from platform_assets.clients.aws import aws_client, aws_refusal, url_without_secrets

ROOT = Path(__file__).parents[2]


def refusal(what: str = "s3://logs") -> str:
    """What a listing of the bucket `logs` ends in."""
    said = aws_refusal("s3", "list_objects_v2", what, "s3:ListBucket", "us-east-1", 5, Bucket="logs")
    assert re.fullmatch(r"([^\n]+[.])?", said), "one sentence"
    return said


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")


def test_every_client_is_made_in_one_place() -> None:
    made = set()
    for path in sorted((ROOT / "platform_assets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("client", "resource", "create_client"):
                made |= {path.name} if "boto" in ast.unparse(node.value).lower() else set()
    assert made == {"aws.py"}


def test_a_client_waits_and_tries_as_long_as_it_is_told() -> None:
    config = aws_client("wafv2", "us-east-1", seconds=30, attempts=1).meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (5, 30, 1)
    assert aws_client("sns", "eu-west-1", seconds=2).meta.config.connect_timeout == 2


def test_a_service_is_where_botocore_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws_client("wafv2", "us-east-1").meta.endpoint_url == "https://wafv2.us-east-1.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all.example")
    monkeypatch.setenv("AWS_ENDPOINT_URL_WAFV2", "http://waf.example")
    assert aws_client("wafv2", "us-east-1").meta.endpoint_url == "http://waf.example"
    assert aws_client("sns", "us-east-1").meta.endpoint_url == "http://all.example"
    assert aws_client("s3", "us-east-1", "http://store.example").meta.endpoint_url == "http://store.example"


@pytest.mark.usefixtures("credentials")
def test_an_unreachable_service_says_which_address_was_asked_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:hunter2@127.0.0.1:9/path")
    assert refusal("the bucket") == (
        "http://127.0.0.1:9 cannot be reached for the bucket (EndpointConnectionError); "
        "check the network, WEIR_AWS_REGION and AWS_ENDPOINT_URL."
    )


@pytest.mark.usefixtures("credentials")
def test_a_malformed_endpoint_says_where_to_correct_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "not an endpoint")
    assert refusal().endswith("check its name, WEIR_AWS_REGION and AWS_ENDPOINT_URL.")


@pytest.mark.slow
def test_missing_credentials_say_how_to_give_them(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "No AWS credentials were found for s3://logs; set AWS_ACCESS_KEY_ID" in refusal()


@pytest.mark.slow
def test_wrong_credentials_and_missing_rights_are_told_apart(
    moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("s3").create_bucket(Bucket="logs")
    assert refusal() == ""
    iam = boto3.client("iam")
    iam.create_user(UserName="reader")
    granted = iam.create_access_key(UserName="reader")["AccessKey"]
    check_credentials(moto_endpoint, after_calls="0")
    try:
        refused = refusal()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", granted["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", granted["SecretAccessKey"])
        denied = refusal()
    finally:
        check_credentials(moto_endpoint, after_calls="inf")
    assert "AWS refused the credentials for s3://logs (InvalidAccessKeyId); renew or correct them" in refused
    assert "AWS denied access to s3://logs (AccessDenied); allow s3:ListBucket" in denied
    assert granted["SecretAccessKey"] not in denied


def check_credentials(endpoint: str, after_calls: str) -> None:
    """From how many calls on moto looks at credentials."""
    plain = {"Content-Type": "text/plain"}
    asked = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", data=after_calls.encode(), headers=plain)
    urllib.request.urlopen(asked, timeout=10).close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:hunter2@host:8443/T0P5ECRET?key=hunter2", "https://host:8443"),
        ("http://[::1]:9/path", "http://[::1]:9"),
        ("http://me:a/b@host", "an address that is not a URL"),
    ],
)
def test_of_a_url_scheme_host_and_port_are_shown(url: str, shown: str) -> None:
    assert url_without_secrets(url) == shown
