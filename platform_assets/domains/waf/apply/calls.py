"""Calls of wafv2: mutating calls through a token bucket, transient errors retried with jitter, all counted.

For boto3's client and the twin alike. Other errors become a WafError with one sentence that says what to do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from platform_assets.actions.errors import ActionError
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.limits import MUTATING_CALLS_PER_SECOND
from platform_assets.domains.waf.scopes import Scope

Result = TypeVar("Result")

UNREACHABLE = (HTTPClientError, NoConnectionError)
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
TRANSIENT = frozenset(
    {"WAFInternalErrorException", "WAFUnavailableEntityException", "InternalFailure", "ServiceUnavailable"}
)
REFUSED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
UNKNOWN_CALLER = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "IncompleteSignature",
    }
)


class TokenBucket:
    """A rate limit of `per_second`, with `burst` tokens at once; waits with `sleep`."""

    def __init__(
        self,
        per_second: float = MUTATING_CALLS_PER_SECOND,
        burst: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second, self._burst, self._clock, self._sleep = per_second, burst, clock, sleep
        self._tokens, self._at = float(burst), clock()

    def take(self) -> float:
        """Wait for a token; returns the seconds waited."""
        waited = 0.0
        while True:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
            self._at = now
            if self._tokens >= 1 - 1e-9:
                self._tokens -= 1
                return waited
            wait = max((1 - self._tokens) / self._per_second, 0.001)  # clocks may not resolve less
            self._sleep(wait)
            waited += wait


class Calls:
    """A wafv2 client with token bucket, retries and counters."""

    def __init__(
        self,
        client: Any,
        *,
        bucket: TokenBucket | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: random.Random | None = None,
        attempts: int = 10,
        longest_wait_seconds: float = 20.0,
    ) -> None:
        self.client = client
        self._bucket = bucket or TokenBucket(1 / 1.05, clock=clock, sleep=sleep)  # a little below AWS's rate
        self._sleep = sleep
        self._jitter = jitter or random.Random()
        self._attempts, self._longest = attempts, longest_wait_seconds
        self.reads = self.writes = self.throttled = 0
        self.seconds_waited = 0.0

    def error(self, code: str) -> type[Exception]:
        """The client's exception class for an error code."""
        exception: type[Exception] = getattr(self.client.exceptions, code)
        return exception

    def read(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._call(operation, parameters, is_write=False)

    def write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._call(operation, parameters, is_write=True)

    def _call(self, operation: str, parameters: dict[str, Any], is_write: bool) -> dict[str, Any]:
        for attempt in range(self._attempts):
            if is_write:
                self.seconds_waited += self._bucket.take()
            try:
                self._count(is_write)
                response: dict[str, Any] = getattr(self.client, operation)(**parameters)
                return response
            except (ClientError, BotoCoreError) as error:
                last = attempt == self._attempts - 1
                if not self._is_retryable(error) or last:
                    raise _waf_error(error, operation) or error from None
                wait = self._jitter.uniform(0, min(self._longest, 0.5 * 2**attempt))
                self._sleep(wait)
                self.seconds_waited += wait
        raise AssertionError("unreachable")

    def _count(self, is_write: bool) -> None:
        if is_write:
            self.writes += 1
        else:
            self.reads += 1

    def _is_retryable(self, error: Exception) -> bool:
        """Whether a retry can succeed; counts throttled calls."""
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in THROTTLED:
                self.throttled += 1
            return code in THROTTLED or code in TRANSIENT or status >= 500
        return isinstance(error, UNREACHABLE)


def for_each_scope(work: Mapping[Scope, Callable[[], Result]]) -> tuple[dict[Scope, Result], dict[Scope, ActionError]]:
    """Run each scope's work in turn; a failure stops no other scope. Results and errors, by scope."""
    results: dict[Scope, Result] = {}
    errors: dict[Scope, ActionError] = {}
    for scope, function in work.items():
        try:
            results[scope] = function()
        except ActionError as error:
            errors[scope] = error
        except (ClientError, BotoCoreError) as error:
            errors[scope] = WafError(f"WAF refused a call: {error}; correct what it names and run again.")
    return results, errors


def _waf_error(error: Exception, operation: str) -> WafError | None:
    """The WafError for an error that callers cannot handle; None for errors that they catch by class."""
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return WafError(
            "There are no AWS credentials for WAF; set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or WEIR_WAF_TARGET=twin."
        )
    if isinstance(error, UNREACHABLE):
        return WafError(
            f"AWS WAF cannot be reached for {operation}; check the network, the region and AWS_ENDPOINT_URL."
        )
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in UNKNOWN_CALLER:
            return WafError(f"AWS does not accept the credentials for WAF ({code}); renew them and run again.")
        if code in REFUSED:
            return WafError(
                f"AWS does not allow {operation} for these credentials; give them the wafv2 permissions of the docs."
            )
        if code in THROTTLED or code in TRANSIENT or status >= 500:
            return WafError(
                f"AWS WAF keeps answering {operation} with {code}; nothing more was changed, run again later."
            )
    return None
