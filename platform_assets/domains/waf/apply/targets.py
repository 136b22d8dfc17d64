"""The configured WAF: boto3's wafv2 clients or the local twin, and the targets of all scopes.

No message contains a secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from platform_assets.clients.aws import AWS_ENDPOINT_VARIABLE, AWS_ERRORS, aws_client
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.scopes import Scope
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.settings import Settings


def waf_name(settings: Settings) -> str:
    """The name of the configured WAF for people."""
    scopes = ", ".join(map(str, settings.waf.parsed_scopes))
    return "the local WAF" if settings.waf.target == "twin" else f"AWS WAF ({scopes})"


def waf_client(settings: Settings, region: str) -> Any:
    """A wafv2 client of a region: the twin in `<home>/waf`, or AWS. Makes no call."""
    if settings.waf.target == "twin":
        return WafTwin(settings.home / "waf", region_name=region)
    try:
        # Retries are ours (calls.py): botocore's would repeat mutating calls past the token bucket.
        return aws_client("wafv2", region, seconds=30, attempts=1)
    except AWS_ERRORS as error:
        raise WafError(
            f"AWS WAF cannot be set up ({type(error).__name__}); check AWS_PROFILE, WEIR_WAF_SCOPES and {AWS_ENDPOINT_VARIABLE}."
        ) from None


def waf_calls(settings: Settings) -> dict[Scope, Calls]:
    """The calls of each scope. Scopes of one region share client and token bucket: AWS limits by account and region."""
    regions = dict.fromkeys(scope.region for scope in settings.waf.parsed_scopes)
    calls = {region: Calls(waf_client(settings, region)) for region in regions}
    return {scope: calls[scope.region] for scope in settings.waf.parsed_scopes}


def waf_targets(settings: Settings) -> tuple[IpSetTarget, ...]:
    """The target of each scope, with the stores of the last apply in `<home>/waf`."""
    return tuple(
        IpSetTarget(calls.client, applied_store(settings, scope), scope=scope, prefix=settings.waf.prefix, calls=calls)
        for scope, calls in waf_calls(settings).items()
    )


def applied_store(settings: Settings, scope: Scope) -> AppliedStore:
    """The store of a scope. Older homes kept the regional scope of WEIR_AWS_REGION in a file without a region."""

    def file(*names: str) -> Path:
        return (
            settings.home
            / "waf"
            / f"applied-{'-'.join((settings.waf.target, *names, settings.waf.prefix))}.json".lower()
        )

    if scope.kind == "CLOUDFRONT":
        return AppliedStore(file(scope.kind))
    former = file(scope.kind) if scope.region == settings.aws_region else None
    return AppliedStore(file(scope.kind, scope.region), former)
