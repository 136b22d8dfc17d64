"""Makes boto3 clients, and one sentence for each of their errors.

botocore finds endpoints by itself (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_WAFV2`, …); only S3 has a setting, too.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors

AWS_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
"""botocore's variable for every service; `AWS_ENDPOINT_URL_<SERVICE>` takes precedence."""
S3_ENDPOINT_SETTING = "WEIR_S3_ENDPOINT_URL"

CREDENTIALS_HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile in AWS_PROFILE, or run with an IAM role"
)
BAD_CREDENTIALS = {
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSecurity",
    "InvalidToken", "InvalidSignatureException", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
ABSENT = {
    "404", "AWS.SimpleQueueService.NonExistentQueue", "NoSuchBucket", "NotFound", "NotFoundException", "QueueDoesNotExist",
    "ResourceNotFoundException",
}  # fmt: skip
DENIED = {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
OTHER_REGION = {"301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
THROTTLED = {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}

AWS_ERRORS = (botocore_errors.BotoCoreError, botocore_errors.ClientError, ValueError)
"""What a call by `aws_client` raises; ValueError is for a malformed endpoint."""


def aws_client(
    service: str,
    region: str,
    endpoint_url: str = "",
    *,
    seconds: float = 20,
    attempts: int = 4,
    parsers: Any = None,
) -> Any:
    """A boto3 client with timeouts; without `endpoint_url` botocore finds the endpoint.

    `parsers`: the factory of botocore's parsers of answers; None: botocore's own.
    """
    import boto3  # takes half a second: only for commands that use AWS
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=min(seconds, 5),
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # A separate session: boto3's default is shared between threads and keeps its first credentials.
    session = botocore.session.get_session()
    if parsers is not None:
        session.register_component("response_parser_factory", parsers)
    return boto3.session.Session(botocore_session=session).client(
        service, region_name=region, endpoint_url=endpoint_url or None, config=config
    )


def aws_refusal(
    service: str,
    call: str,
    subject: str,
    permission: str,
    region: str,
    seconds: float,
    **arguments: Any,
) -> str:
    """Try one reading call, once; returns what is wrong in one sentence, empty if it succeeds."""
    try:
        getattr(aws_client(service, region, seconds=seconds, attempts=1), call)(**arguments)
    except AWS_ERRORS as error:
        return aws_sentence(error, subject, permission=permission)
    return ""


def aws_sentence(error: Exception, subject: str, *, permission: str = "", endpoint: str = AWS_ENDPOINT_VARIABLE) -> str:
    """What went wrong with `subject` (a URI, a topic, …) and what to do, in one sentence without secrets.

    `endpoint`: the variable that would correct the endpoint.
    """
    kind = type(error).__name__
    match error:
        case botocore_errors.ClientError():
            return _client_error_sentence(
                str(error.response.get("Error", {}).get("Code", "an error")), subject, permission
            )
        case botocore_errors.NoCredentialsError():
            return f"No AWS credentials were found for {subject}; {CREDENTIALS_HINT}."
        case (
            botocore_errors.PartialCredentialsError()
            | botocore_errors.ProfileNotFound()
            | botocore_errors.CredentialRetrievalError()
            | botocore_errors.TokenRetrievalError()
            | botocore_errors.SSOError()
            | botocore_errors.LoginError()
        ):
            return f"The AWS credentials for {subject} cannot be used ({kind}); {CREDENTIALS_HINT}."
        case botocore_errors.ConnectionError() | botocore_errors.HTTPClientError():
            url = str(getattr(error, "kwargs", {}).get("endpoint_url") or "")
            service = url_without_secrets(url) if url else "AWS"
            return f"{service} cannot be reached for {subject} ({kind}); check the network, WEIR_AWS_REGION and {endpoint}."
    return f"{subject} cannot be used with AWS ({kind}); check its name, WEIR_AWS_REGION and {endpoint}."


def _client_error_sentence(code: str, subject: str, permission: str) -> str:
    if code in BAD_CREDENTIALS:
        return f"AWS refused the credentials for {subject} ({code}); renew or correct them: {CREDENTIALS_HINT}."
    if code in DENIED:
        return f"AWS denied access to {subject} ({code}); allow {permission or 'the call'} to these credentials or use others."
    if code in ABSENT:
        return f"{subject} does not exist ({code}); correct its name, WEIR_AWS_REGION or the account, or create it."
    if code in OTHER_REGION:
        return f"{subject} is in another region ({code}); set WEIR_AWS_REGION to its region."
    if code in THROTTLED:
        return f"AWS throttles the calls for {subject} ({code}); run again in a minute."
    return f"AWS answered {code} for {subject}; run again, and look the code up in the service's documentation if it persists."


def url_without_secrets(url: str) -> str:
    """Scheme, host and port only: user, password, path and query of a URL may each be a secret."""
    try:
        url_parts = urlsplit(url)
        port = f":{url_parts.port}" if url_parts.port else ""  # not a number where a password holds an unescaped "/"
    except ValueError:
        return "an address that is not a URL"
    host = url_parts.hostname or ""
    return f"{url_parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
