"""What reached AWS, as IAM sees it: every request to the moto server as an action, its resources and its conditions.

Recorded on the wire, so that the calls of pyarrow, Delta and the engine count like those of botocore. No test here.
"""

from __future__ import annotations

import fnmatch
import io
import json
import operator
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Call:
    """One request: what IAM has to allow. `resources` all have to be allowed."""

    action: str
    resources: tuple[str, ...] = ("*",)
    context: Mapping[str, str] = field(default_factory=dict)


class Recorder:
    """The calls that arrive during a block."""

    def __init__(self) -> None:
        self._found: list[Call] | None = None

    @contextmanager
    def during(self) -> Iterator[list[Call]]:
        """The calls of a block."""
        calls: list[Call] = []
        self._found = calls
        yield calls
        self._found = None

    def around(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
            scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
            if scope and self._found is not None:
                self._found += _calls(scope[1], environ)
            return answer(app, environ, start_response)

        return recorded


def _calls(service: str, environ: dict[str, Any]) -> list[Call]:
    if service == "s3":
        return _s3(environ)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    if service == "emr-serverless":
        return _emr_serverless(environ["REQUEST_METHOD"], environ["PATH_INFO"], json.loads(body or b"{}"))
    if service == "eks":
        return _eks(environ["REQUEST_METHOD"], environ["PATH_INFO"])
    form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
    target = environ.get("HTTP_X_AMZ_TARGET") or environ["PATH_INFO"].replace("/operation/", ".")
    operation = form.get("Action") or target.rpartition(".")[2]
    if service == "autoscaling" and operation == "SetDesiredCapacity":
        group = f"autoScalingGroup:an-id:autoScalingGroupName/{form['AutoScalingGroupName']}"
        return [Call(f"autoscaling:{operation}", (f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:{group}",))]
    if service == "wafv2":
        return _wafv2(operation, json.loads(body))
    if service == "dynamodb":
        arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{json.loads(body).get('TableName')}"
        return [Call(f"dynamodb:{operation}", (arn,))]
    if service == "glue":
        return [Call(f"glue:{operation}", _glue_resources(operation, json.loads(body)))]
    if service == "secretsmanager":
        secret = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{json.loads(body).get('SecretId')}-AbCdEf"
        return [Call(f"secretsmanager:{operation}", (secret,))]
    if service == "kinesis":
        # An iterator names its shard, and so the stream, to AWS alone; tests read one stream.
        name = json.loads(body).get("StreamName", "edge")
        return [Call(f"kinesis:{operation}", (f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}",))]
    if service == "sns":
        return [Call(f"sns:{operation}", (form["TopicArn"],))]
    if service == "sqs":
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html has none for batches
        _, account, name = json.loads(body)["QueueUrl"].rsplit("/", 2)
        return [Call(f"sqs:{operation.removesuffix('Batch')}", (f"arn:aws:sqs:us-east-1:{account}:{name}",))]
    if service == "monitoring":
        named = form.get("Namespace") or re.search(rb"Namespace\W+(\w+)", body)[1].decode()  # type: ignore[index]
        return [Call(f"cloudwatch:{operation}", context={"cloudwatch:namespace": named})]
    return [Call(f"{service}:{operation}")]


def _wafv2(operation: str, given: dict[str, Any]) -> list[Call]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awswafv2.html"""
    if operation.startswith("List"):
        return [Call(f"wafv2:{operation}")]
    kind = next(name for name in ("ipset", "rulegroup", "webacl") if operation.lower().endswith(name))
    own = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/{kind}/{given['Name']}/{given.get('Id', 'new')}"
    referenced = tuple(re.findall(r'"ARN": "(arn:[^"]+)"', json.dumps(given.get("Rules", []))))
    tagged = [Call("wafv2:TagResource", (own,))] if given.get("Tags") else []
    return [Call(f"wafv2:{operation}", (own, *referenced)), *tagged]


def _eks(method: str, path: str) -> list[Call]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html"""
    _, cluster, _, nodegroup, *rest = path.strip("/").split("/")
    arn = f"arn:aws:eks:us-east-1:{ACCOUNT}:nodegroup/{cluster}/{nodegroup}/an-id"
    action = {("GET", ()): "DescribeNodegroup", ("POST", ("update-config",)): "UpdateNodegroupConfig"}
    return [Call(f"eks:{action[method, tuple(rest)]}", (arn,))]


def _glue_resources(operation: str, given: dict[str, Any]) -> tuple[str, ...]:
    """The catalogue and every thing on the way down; https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html"""
    if "JobName" in given:
        return (f"arn:aws:glue:us-east-1:{ACCOUNT}:job/{given['JobName']}",)
    database = given.get("DatabaseName") or given["DatabaseInput"]["Name"]
    named = [f"database/{database}"]
    if operation.endswith(("Table", "Tables")):
        named.append(f"table/{database}/{given.get('TableInput', {}).get('Name', '*')}")
    return tuple(f"arn:aws:glue:us-east-1:{ACCOUNT}:{name}" for name in ("catalog", *named))


def _emr_serverless(method: str, path: str, given: dict[str, Any]) -> list[Call]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonemrserverless.html"""
    arn = f"arn:aws:emr-serverless:us-east-1:{ACCOUNT}:{path}"
    if method == "POST":
        role = Call(
            "iam:PassRole", (given["executionRoleArn"],), {"iam:PassedToService": "emr-serverless.amazonaws.com"}
        )
        tagged = [Call("emr-serverless:TagResource", (f"{arn}/new",))] if given.get("tags") else []
        return [Call("emr-serverless:StartJobRun", (arn.removesuffix("/jobruns"),)), role, *tagged]
    if path.endswith("/dashboard"):
        return [Call("emr-serverless:GetDashboardForJobRun", (arn.removesuffix("/dashboard"),))]
    what = "JobRun" if "/jobruns/" in path else "Application"
    return [Call(f"emr-serverless:{'Cancel' if method == 'DELETE' else 'Get'}{what}", (arn,))]


def _s3(environ: dict[str, Any]) -> list[Call]:
    method = environ["REQUEST_METHOD"]
    query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    if key:
        actions = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject", "DELETE": "DeleteObject"}  # fmt: skip
        action = "AbortMultipartUpload" if method == "DELETE" and "uploadId" in query else actions[method]
        return [Call(f"s3:{action}", (f"{arn}/{key}",))]
    if method == "POST" and "delete" in query:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(body)
        keys = re.findall(r"<Key>([^<]+)</Key>", body.decode())
        return [Call("s3:DeleteObject", (f"{arn}/{key}",)) for key in keys]
    if method == "PUT":
        return [Call("s3:CreateBucket", (arn,))]
    return [Call("s3:ListBucket", (arn,), {"s3:prefix": query["prefix"]} if "prefix" in query else {})]


class IamPolicy:
    """A policy file with its placeholders filled in, as far as our files go: Allow, patterns, two kinds of condition."""

    def __init__(self, path: Path, values: Mapping[str, str]) -> None:
        text = path.read_text(encoding="utf-8")
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        self.document: dict[str, Any] = json.loads(text)

    @property
    def actions(self) -> set[str]:
        return {action for one in self.document["Statement"] for action in _listed(one["Action"])}

    def allows(self, call: Call) -> bool:
        return all(self._allows(call, resource) for resource in call.resources)

    def _allows(self, call: Call, resource: str) -> bool:
        return any(
            one["Effect"] == "Allow"
            and call.action in _listed(one["Action"])
            and any(fnmatch.fnmatchcase(resource, pattern) for pattern in _listed(one["Resource"]))
            and all(_holds(kind, asked, call.context) for kind, asked in one.get("Condition", {}).items())
            for one in self.document["Statement"]
        )


def _holds(kind: str, asked: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    matches: Callable[[str, str], bool] = {"StringEquals": operator.eq, "StringLike": fnmatch.fnmatchcase}[kind]
    return all(
        key in context and any(matches(context[key], value) for value in _listed(values))
        for key, values in asked.items()
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
