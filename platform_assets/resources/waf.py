"""The WAF that settings name: boto3's wafv2 client or the local twin, and the target on top of either.

What is applied and how is in platform_assets/waf/. Secrets never reach a message.
"""

from __future__ import annotations

from typing import Any

from platform_assets.resources.aws import AWS_ENDPOINT_VARIABLE, AWS_ERRORS, aws_client
from platform_assets.settings import Settings
from platform_assets.waf.applied_store import JsonAppliedStore
from platform_assets.waf.apply import IpSetTarget
from platform_assets.waf.calls import Calls
from platform_assets.waf.errors import WafError
from platform_assets.waf.limits import GLOBAL_REGION
from platform_assets.waf.twin import WafTwin


def waf_region(settings: Settings) -> str:
    """CLOUDFRONT is served in us-east-1 only, whatever the region of the rest."""
    return GLOBAL_REGION if settings.waf_scope == "CLOUDFRONT" else settings.aws_region


def waf_name(settings: Settings) -> str:
    """The WAF of the settings, as people call it."""
    return "the local WAF" if settings.waf_target == "twin" else f"AWS WAF ({settings.waf_scope})"


def waf_client(settings: Settings) -> Any:
    """A wafv2 client: the twin in `<home>/waf`, or AWS. No call is made here."""
    if settings.waf_target == "twin":
        return WafTwin(settings.home / "waf", region_name=waf_region(settings))
    try:
        # Retries are ours (calls.py): botocore's would repeat mutating calls past the token bucket.
        return aws_client("wafv2", waf_region(settings), seconds=30, attempts=1)
    except AWS_ERRORS as error:
        raise WafError(
            f"AWS WAF cannot be set up ({type(error).__name__}); check AWS_PROFILE, WEIR_AWS_REGION and {AWS_ENDPOINT_VARIABLE}."
        ) from None


def waf_target(settings: Settings) -> IpSetTarget:
    """The IP sets of the settings' scope and prefix, and what was applied to them last, in `<home>/waf`."""
    name = f"applied-{settings.waf_target}-{settings.waf_scope}-{settings.waf_prefix}.json".lower()
    store = JsonAppliedStore(settings.home / "waf" / name)
    return IpSetTarget(waf_client(settings), store, scope=settings.waf_scope, prefix=settings.waf_prefix)


def check_waf(settings: Settings) -> str:
    """One read call, for `weir doctor`: a sentence on what was found; WafError where WAF cannot be used."""
    calls = Calls(waf_client(settings), attempts=2)
    found = calls.read("list_ip_sets", Scope=settings.waf_scope, Limit=1)
    some = "with" if found.get("IPSets") else "without"
    return f"WAF ({settings.waf_target}, {settings.waf_scope}, {waf_region(settings)}) answers, {some} IP sets."
