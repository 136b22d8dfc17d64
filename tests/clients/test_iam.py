"""The IAM policies of docs/iam are exact: they allow every call that is made, and every action of theirs is used."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import dagster as dg
import pytest
from botocore.exceptions import ClientError

from platform_assets.cli.doctor.examination import checks, examine
from platform_assets.cli.doctor.findings import exit_code
from platform_assets.clients.engine import cluster_of, lake_of
from platform_assets.clients.glue_catalogue import LAKE_PARAMETER, register
from platform_assets.clients.metric_publishers import MetricPoint, publish
from platform_assets.clients.notifier import Alert, notify
from platform_assets.clients.spark.cluster import Submission
from platform_assets.domains.scaling.cloudwatch import poll
from platform_assets.domains.scaling.feature_groups import INFRASTRUCTURE_METRICS
from platform_assets.domains.scaling.targets import Clients, target_of
from platform_assets.domains.waf.apply.client import WafClient
from platform_assets.domains.waf.apply.install import apply_install, plan_install
from platform_assets.domains.waf.apply.targets import waf_calls, waf_targets
from platform_assets.domains.waf.apply.web_acls import use_lines
from platform_assets.domains.waf.decisions import DueEntry
from platform_assets.domains.waf.plan.plan import PlanOptions, plan
from platform_assets.domains.waf.scopes import CLOUDFRONT
from platform_assets.feature_store.online import Record, online_store
from platform_assets.ingest import listings, notifications, sensors
from platform_assets.ingest.raw import update_ledger
from platform_assets.ingest.streams.process import StreamProcess, streamed_source
from platform_assets.settings import Settings
from spark_jobs.runtime.calls import Call as SparkCall
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import Storage
from spark_jobs.streaming.land import BatchBounds
from tests.clients.aws_recorder import ACCOUNT, Call, IamPolicy, Recorder
from tests.domains.scaling.scaled_groups import scaled_groups

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/iam"
FILES = (
    "alerts",
    "apply",
    "catalogue",
    "emr-serverless",
    "feature-store",
    "glue",
    "install",
    "job",
    "lake",
    "logs",
    "metrics",
    "plan",
    "poll",
    "queue",
    "scaling",
    "status",
    "stream",
)
VALUES = {
    "ACCOUNT_ID": ACCOUNT,
    "REGION": "us-east-1",
    "TOPIC": "alerts",
    "QUEUE": "new-logs",
    "DATA_STREAM": "edge",
    "LOGS_BUCKET": "raw",
    "LOGS_PREFIX": "logs/",
    "METRICS_BUCKET": "raw",
    "METRICS_PREFIX": "metrics/",
    "LAKE_BUCKET": "lake",
    "LAKE_PREFIX": "data/lake",
    "JOB_ROLE": "weir-jobs",
    "GLUE_JOB": "weir",
    "HASH_KEY_SECRET": "weir/hash-key",
    "FEATURE_TABLE": "features",
    "SCALED_GROUP": "ads",
    "SCALED_CLUSTER": "shop",
    "SCALED_NODEGROUP": "workers",
}
WITHOUT_PERMISSION = {"sts:GetCallerIdentity"}
"""AWS lets every caller ask who it is."""
NOW = datetime.now(UTC)
HOUR = "2026-11-20-13"


def policy(name: str, **values: str) -> IamPolicy:
    return IamPolicy(FOLDER / f"{name}.json", {**values, **VALUES})


# Without a server


def test_every_file_is_a_policy_that_iam_accepts() -> None:
    from moto.iam.policy_validation import IAMPolicyDocumentValidator

    assert tuple(sorted(path.stem for path in FOLDER.glob("*.json"))) == FILES
    for name in FILES:
        document = policy(name).document
        IAMPolicyDocumentValidator(json.dumps(document)).validate()
        assert document.keys() == {"Version", "Statement"} and document["Version"] == "2012-10-17"
        sids = [one["Sid"] for one in document["Statement"]]
        assert len(set(sids)) == len(sids) and all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)
        assert {one["Effect"] for one in document["Statement"]} == {"Allow"}
        assert len(json.dumps(document)) < 2048, "fits an inline policy of a user, the smallest place"


def test_no_policy_holds_a_wildcard_action_or_more_than_our_names() -> None:
    needs_everything = {
        "wafv2:ListIPSets",
        "wafv2:ListRuleGroups",
        "wafv2:ListWebACLs",
        "cloudwatch:PutMetricData",
        "cloudwatch:ListMetrics",
        "cloudwatch:GetMetricData",
        "autoscaling:DescribeAutoScalingGroups",
    }
    for name in FILES:
        assert not [action for action in policy(name).actions if "*" in action]
        for one in policy(name).document["Statement"]:
            if one["Resource"] == "*":
                assert set(one["Action"] if isinstance(one["Action"], list) else [one["Action"]]) <= needs_everything


def test_a_dry_run_can_change_nothing_in_waf_and_nobody_can_change_a_web_acl() -> None:
    reading = ("wafv2:List", "wafv2:Get")
    assert all(action.startswith(reading) for name in ("plan", "status") for action in policy(name).actions)
    in_waf = {action for name in FILES for action in policy(name).actions if action.startswith("wafv2:")}
    assert {action for action in in_waf if "WebACL" in action} == {"wafv2:ListWebACLs", "wafv2:GetWebACL"}
    assert not [action for action in in_waf if "Delete" in action]
    assert not [action for action in policy("apply").actions if "RuleGroup" in action], "applying leaves it alone"


def test_every_call_to_wafv2_in_the_code_is_in_a_policy() -> None:
    """By reading the code: what no test reaches counts too."""
    operation = boto3.client("wafv2", region_name="us-east-1").meta.method_to_api_mapping
    named = set()
    for path in sorted((ROOT / "platform_assets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in operation:
                named.add(node.value)
    in_policies = {
        action.removeprefix("wafv2:")
        for name in FILES
        for action in policy(name).actions
        if action.startswith("wafv2:") and action != "wafv2:TagResource"  # asked for where something is made with tags
    }
    assert {operation[one] for one in named} == in_policies
    assert {operation[one] for one in vars(WafClient) if not one.startswith("_")} == in_policies


def test_aws_is_asked_for_the_services_of_the_policies_alone() -> None:
    asked = set()
    for path in sorted((ROOT / "platform_assets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("aws_client", "client"):
                asked.add(ast.unparse(node.args[0]).strip("'"))
    asked.discard("service")  # aws_refusal hands on what it is given: the doctor's tuples, recorded below
    scaled = {"autoscaling", "eks"}
    assert asked == {
        "s3",
        "sqs",
        "kinesis",
        "wafv2",
        "cloudwatch",
        "sns",
        "sts",
        "emr-serverless",
        "glue",
        "dynamodb",
        *scaled,
    }


def test_the_evaluation_refuses_what_no_statement_allows() -> None:
    own = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/ipset/weir-block-v4/1"
    other = own.replace("weir-block", "office")
    assert policy("apply").allows(Call("wafv2:UpdateIPSet", (own,)))
    assert not policy("apply").allows(Call("wafv2:UpdateIPSet", (other,)))
    assert not policy("apply").allows(Call("wafv2:UpdateIPSet", (own, other)))
    assert not policy("plan").allows(Call("wafv2:UpdateIPSet", (own,)))
    assert policy("logs").allows(Call("s3:ListBucket", ("arn:aws:s3:::raw",), {"s3:prefix": "logs/E1"}))
    assert not policy("logs").allows(Call("s3:ListBucket", ("arn:aws:s3:::raw",), {"s3:prefix": ""}))
    assert not policy("logs").allows(Call("s3:ListBucket", ("arn:aws:s3:::raw",)))
    assert not policy("logs").allows(Call("s3:GetObject", ("arn:aws:s3:::raw/other/a.gz",)))
    assert not policy("metrics").allows(Call("cloudwatch:PutMetricData", context={"cloudwatch:namespace": "AWS"}))
    glue = f"arn:aws:glue:us-east-1:{ACCOUNT}:"
    own_table = (f"{glue}catalog", f"{glue}database/weir", f"{glue}table/weir/waf_plan")
    assert policy("catalogue").allows(Call("glue:UpdateTable", own_table))
    assert not policy("catalogue").allows(Call("glue:UpdateTable", (*own_table[:2], f"{glue}table/other/waf_plan")))
    assert not policy("catalogue").allows(Call("glue:DeleteTable", own_table))


# Recorded


@pytest.fixture
def recorder(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    recorder = Recorder()
    monkeypatch.setattr(DomainDispatcherApplication, "__call__", recorder.around(DomainDispatcherApplication.__call__))
    yield recorder


@pytest.fixture
def on_aws(home: Settings, recorder: Recorder) -> Settings:
    """Everything on AWS, as a user would set it."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="raw")
    s3.create_bucket(Bucket="lake")
    topic = boto3.client("sns").create_topic(Name=VALUES["TOPIC"])["TopicArn"]
    return home.model_copy(
        update={
            "cloudfront_raw": "s3://raw/logs/",
            "lake": "s3://lake/data/lake",
            "waf_target": "aws",
            "metrics_target": "cloudwatch",
            "alerts_sns_topic_arn": topic,
        }
    )


def entry(address: str) -> DueEntry:
    return DueEntry(address, "block", "a reason", f"decision of {address}", NOW + timedelta(days=1), 0.9, 10, 1, 0, "x", "client_abuse", "7")  # fmt: skip


def run_apply(settings: Settings, *addresses: str) -> None:
    (target,) = waf_targets(settings)
    target.apply(plan([entry(one) for one in addresses], target.read_sets(), target.last_applied(), now=NOW))


def run_plan(settings: Settings) -> None:
    (target,) = waf_targets(settings)
    plan([entry("45.83.1.1/32")], target.read_sets(), target.last_applied(), now=NOW)
    plan_install(target.calls)  # what is shown before anything is made


def run_install(settings: Settings) -> None:
    calls = waf_calls(settings)[CLOUDFRONT]
    apply_install(calls, plan_install(calls))
    apply_install(calls, plan_install(calls, mode="enforce"))


def make_web_acl() -> None:
    """What a person does in the console: one that uses the rule group."""
    client = boto3.client("wafv2", region_name="us-east-1")
    (group,) = client.list_rule_groups(Scope="CLOUDFRONT")["RuleGroups"]
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    statement = {"RuleGroupReferenceStatement": {"ARN": group["ARN"]}}
    rule = {"Name": "weir", "Priority": 0, "Statement": statement, "OverrideAction": {"None": {}}, "VisibilityConfig": seen}  # fmt: skip
    client.create_web_acl(
        Name="shop", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, Rules=[rule], VisibilityConfig=seen
    )


def assert_exact(calls: list[Call], *names: str, reading: str = "", **values: str) -> None:
    """Every call is allowed by the files, and no action of theirs is idle; `reading` may be used in part."""
    assert calls
    policies = {name: policy(name, **values) for name in names}
    allowing = [*policies.values(), *([policy(reading)] if reading else [])]
    refused = [call for call in calls if not any(one.allows(call) for one in allowing)]
    assert {call for call in map(str, refused) if not any(one in call for one in WITHOUT_PERMISSION)} == set()
    for name, one in policies.items():
        idle = one.actions - {call.action for call in calls if one.allows(call)}
        assert not idle, f"nothing uses {sorted(idle)} of {name}.json"


@pytest.mark.slow
def test_plan_apply_and_install_call_what_their_policies_allow_and_nothing_else(
    on_aws: Settings, recorder: Recorder
) -> None:
    with recorder.during() as installing:
        run_install(on_aws)
    assert_exact(installing, "install")
    with recorder.during() as applying:
        run_apply(on_aws, "45.83.1.1/32", "2a00:1450::1/128")
    made_anew = on_aws.model_copy(update={"waf_prefix": "weir-two"})
    with recorder.during() as making:
        (target,) = waf_targets(made_anew)
        target.apply(plan([entry("45.83.1.2/32")], {}, target.last_applied(), now=NOW, options=PlanOptions("weir-two")))
    assert_exact([*applying, *making], "apply")
    with recorder.during() as planning:
        run_plan(on_aws)
    assert_exact(planning, "plan")
    make_web_acl()
    with recorder.during() as asking:
        (target,) = waf_targets(on_aws)
        assert use_lines(target.calls, CLOUDFRONT, "weir") == ["rule group weir-rules: web ACL shop uses it"]
    assert_exact([*planning, *asking], "plan", "status")


@pytest.mark.slow
def test_metrics_alerts_and_the_doctor_call_what_their_policies_allow_and_nothing_else(
    on_aws: Settings, recorder: Recorder
) -> None:
    with recorder.during() as exporting:
        publish(on_aws, [MetricPoint("Decisions", 1.0, NOW, "Count", {"Action": "block"})])
        notify(on_aws, Alert("waf_entries", "warning", "One more address.", NOW))
    with recorder.during() as looking:
        assert exit_code(examine(on_aws)) == 0
    assert_exact([call for call in (*exporting, *looking) if call.action[:3] in ("clo", "sns")], "metrics", "alerts")
    rest = [policy(name) for name in ("metrics", "alerts", "plan", "logs", "lake")]
    refused = {call.action for call in looking if not any(one.allows(call) for one in rest)}
    assert refused == WITHOUT_PERMISSION


@pytest.mark.slow
def test_polling_cloudwatch_calls_what_its_policy_allows_and_nothing_else(
    on_aws: Settings, recorder: Recorder, moto_endpoint: str
) -> None:
    polled = on_aws.model_copy(
        update={
            "metrics_raw": "s3://raw/metrics/",
            "cloudwatch_clusters": "shop",
            "lake": "",
            "s3_endpoint_url": moto_endpoint,
        }
    )
    with recorder.during() as polling:
        assert poll(polled, NOW)["queries"]
    assert_exact(polling, "poll")


@pytest.mark.slow
def test_scaling_calls_what_its_policy_allows_and_nothing_else(on_aws: Settings, recorder: Recorder) -> None:
    groups = {name: target_of(text, name, on_aws.home, Clients()) for name, text in scaled_groups().items()}
    with recorder.during() as calls:
        for target in groups.values():
            nodes = target.read().nodes
            assert nodes is not None
            target.write(nodes + 1, "a reason")
    assert_exact(calls, "scaling")


@pytest.mark.slow
def test_registering_the_tables_calls_what_its_policy_allows_and_nothing_else(
    on_aws: Settings, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "delta", lambda self, table: object())  # a lake on S3 needs a process of its own
    named = on_aws.model_copy(update={"glue_database": "weir"})
    with recorder.during() as creating:
        created = register(named).created
    table = {"Name": created[0], "Parameters": {LAKE_PARAMETER: named.lake_root}}
    boto3.client("glue").update_table(DatabaseName="weir", TableInput=table)  # as a person might
    with recorder.during() as updating:
        assert register(named).updated == created[:1]
    with recorder.during() as looking:
        examine(named)
    calls = [*creating, *updating, *(call for call in looking if call.action.startswith("glue:"))]
    assert_exact(calls, "catalogue")


@pytest.mark.slow
def test_a_queue_of_notifications_and_listing_what_is_new_need_their_policies_and_nothing_else(
    on_aws: Settings, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "WAIT_SECONDS", 0)
    monkeypatch.setattr(listings, "is_worthwhile", lambda *_: True)
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    url = sqs.create_queue(QueueName=VALUES["QUEUE"])["QueueUrl"]
    told = on_aws.model_copy(update={"lake": "", "raw_queue_url": url})
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{VALUES['QUEUE']}"
    with recorder.during() as calls:
        update_ledger(told, "cloudfront")
    s3.put_bucket_notification_configuration(
        Bucket="raw",
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    for body in (b"one", b"two"):  # of a name with two contents, S3 is asked which is there
        s3.put_object(Bucket="raw", Key=f"logs/E1.{HOUR}.a.gz", Body=body)
    with recorder.during() as telling:
        assert sensors.has_new_objects(told, lake_of(told), NOW, "cloudfront")[0]
        assert update_ledger(told, "cloudfront")["new objects"] == 1
    without_queue = told.model_copy(update={"raw_queue_url": ""})
    s3.put_object(Bucket="raw", Key=f"logs/E1.{HOUR}.b.gz", Body=b"three")
    with recorder.during() as looking:
        assert sensors.has_new_objects(without_queue, lake_of(told), NOW, "cloudfront")[0]
        assert update_ledger(without_queue, "cloudfront")["listed in full"] is False
    assert_exact([*calls, *telling, *looking], "queue", reading="logs")


@pytest.mark.slow
def test_current_features_are_kept_and_read_within_their_policy(on_aws: Settings, recorder: Recorder) -> None:
    boto3.client("dynamodb").create_table(
        TableName=VALUES["FEATURE_TABLE"],
        AttributeDefinitions=[{"AttributeName": "record", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "record", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    named = on_aws.model_copy(update={"online_store": f"dynamodb:{VALUES['FEATURE_TABLE']}"})
    with recorder.during() as calls:
        online_store(named).put(INFRASTRUCTURE_METRICS, [Record("a", 0, 0, "{}")])
        assert online_store(named).record(INFRASTRUCTURE_METRICS, "a") is not None
        examine(named)
    assert_exact([call for call in calls if call.action.startswith("dynamodb:")], "feature-store")
    other = [Call("dynamodb:PutItem", (f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/others",))]
    assert not policy("feature-store").allows(other[0])


def carry_out(settings: Settings) -> None:
    """One run on the service of the settings, and the doctor's look at it."""
    cluster = cluster_of(settings)
    assert cluster is not None

    @dg.op
    def started() -> None:
        cluster.carry_out(Submission("weir-1", "s3://lake/data/lake/_calls/1.json", Storage(), "s3://lake/data/lake"))

    @dg.job
    def runs() -> None:
        started()

    runs.execute_in_process(raise_on_error=False)
    state, sentence = checks()["engine"](settings)
    assert state == "ok", sentence


@pytest.mark.slow
def test_jobs_on_emr_serverless_and_glue_call_what_their_policies_allow_and_nothing_else(
    on_aws: Settings, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/weir-jobs"
    common = {"package_uri": "s3://code/weir", "hash_key_secret": "weir/hash-key", "lake": "s3://lake/data/lake"}
    emr = boto3.client("emr-serverless")
    application = emr.create_application(name="weir", type="SPARK", releaseLabel="emr-7.8.0")["applicationId"]
    boto3.client("glue").create_job(
        Name="weir", Role=role, Command={"Name": "glueetl", "ScriptLocation": "s3://code/weir/main.py"}
    )
    boto3.client("secretsmanager").create_secret(Name="weir/hash-key", SecretString="k")
    on_emr = on_aws.model_copy(update={**common, "engine": "emr-serverless", "emr_application_id": application, "emr_job_role_arn": role})  # fmt: skip
    with recorder.during() as emr_calls:
        carry_out(on_emr)
        monkeypatch.setattr("moto.emrserverless.models.JOB_STATUS", "RUNNING")  # then the client asks for a dashboard
        carry_out(on_emr)
        run = emr.start_job_run(applicationId=application, executionRoleArn=role, clientToken="t")["jobRunId"]
        emr.cancel_job_run(applicationId=application, jobRunId=run)  # what the client does where its run is stopped
    assert_exact([call for call in emr_calls if call.action[:3] in ("emr", "iam")], "emr-serverless", APPLICATION_ID=application)  # fmt: skip
    with recorder.during() as glue_calls:
        carry_out(on_aws.model_copy(update={**common, "engine": "glue", "glue_job": "weir"}))
        (run,) = [one["Id"] for one in boto3.client("glue").get_job_runs(JobName="weir")["JobRuns"]]
        with suppress(ClientError):  # the server knows the call only as one that it lacks
            boto3.client("glue").batch_stop_job_run(JobName="weir", JobRunIds=[run])
    assert_exact(
        [call for call in glue_calls if call.action[:4] == "glue" and call.action != "glue:GetJobRuns"], "glue"
    )
    call = SparkCall("cloudfront", "requests", HOUR, HOUR, "s3://lake/data/lake", 1, {}, {"hash_key": "weir/hash-key"})
    with recorder.during() as job_calls:
        assert call.all_parameters("us-east-1") == {"hash_key": "k"}
    assert_exact(job_calls, "job")


LAKE_RUN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from platform_assets.domains.waf.exports import hourly_points
from platform_assets.ingest.raw import update_ledger
from platform_assets.ingest.streams.process import StreamProcess, streamed_source
from platform_assets.clients.engine import lake_of, storage_of
from platform_assets.maintenance.retention import carry_out
from platform_assets.settings import load_settings
from spark_jobs.contract import Interval
from spark_jobs.main import JobRun, run_job
from spark_jobs.runtime.session import spark_session
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.tables import OBJECTS, REQUESTS
from spark_jobs.incremental.ledger import RawObject
from spark_jobs.sources.cloudfront.requests import transform

settings = load_settings(Path(sys.argv[1]))
update_ledger(settings, "cloudfront")
lake, interval, hours = lake_of(settings), Interval.of_hour({hour!r}), [{hour!r}]
rows = lake.read_arrow(OBJECTS).to_pylist()
objects = [RawObject(row["source_object"], row["etag"], row["size_bytes"], tuple(hours)) for row in rows]
spark = spark_session("sail")
for _ in range(2):
    assert transform(spark, lake, objects, interval, ParseOptions(), 2).requests == 50
    run_job("cloudfront", "client_hourly", JobRun(spark, lake, interval))
assert hourly_points(lake, hours)
carry_out(settings, datetime.now(UTC))
assert lake.vacuum(REQUESTS, 0) > 0
"""


@pytest.mark.slow
def test_logs_are_read_and_the_lake_is_written_within_their_policies(on_aws: Settings, recorder: Recorder) -> None:
    from tests.spark_jobs.cloudfront_lines import gzipped, line, log

    rows = [line(x_edge_request_id=f"id-{number}", c_ip=f"192.0.2.{number % 7}") for number in range(50)]
    boto3.client("s3").put_object(Bucket="raw", Key=f"logs/E1.{HOUR}.abc.gz", Body=gzipped(log(*rows)))
    environment = {**os.environ, "WEIR_CLOUDFRONT_RAW": on_aws.cloudfront.raw, "WEIR_LAKE": on_aws.lake}
    command = [sys.executable, "-c", LAKE_RUN.format(hour=HOUR), str(on_aws.home)]
    with recorder.during() as calls:  # a process of its own: see tests/spark_jobs/storage/test_lake_s3.py
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert_exact(calls, "logs", "lake")


@pytest.mark.slow
def test_reading_a_stream_needs_its_policy_and_nothing_else(on_aws: Settings, recorder: Recorder) -> None:
    kinesis = boto3.client("kinesis")
    kinesis.create_stream(StreamName=VALUES["DATA_STREAM"], ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=VALUES["DATA_STREAM"])
    kinesis.put_record(StreamName=VALUES["DATA_STREAM"], Data=b"poison\n", PartitionKey="1")
    streamed = on_aws.model_copy(
        update={"lake": "", "metrics_target": "file", "cloudfront_stream": VALUES["DATA_STREAM"]}
    )
    with recorder.during() as calls:
        stream = StreamProcess(streamed, streamed_source("cloudfront"), bounds=BatchBounds(seconds=0.2))
        assert stream.run(lambda: stream.figures.objects > 0).rejected == 1
    assert_exact(calls, "stream")
