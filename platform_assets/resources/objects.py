"""Which log objects a location holds: a local folder or file, or an s3:// prefix; and how AWS is reached and explained.

Lists and identifies; reads no log line (spark_jobs does) and keeps no ledger (the asset does). `aws_client` and
`aws_sentence` are here because S3 is the first service of AWS that anything touches; metrics, notifier and doctor
use them too.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors

PARTIAL_SUFFIX = ".tmp"
"""What our own writers (and most copying tools) call a file that is not complete yet."""

CREDENTIALS_HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile in AWS_PROFILE, or run with an IAM role"
)
BAD_CREDENTIALS = {
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSecurity",
    "InvalidToken", "InvalidSignatureException", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
DENIED = {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
OTHER_REGION = {"301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
THROTTLED = {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}

AWS_ERRORS = (botocore_errors.BotoCoreError, botocore_errors.ClientError, ValueError)
"""What a call by `aws_client` raises; ValueError is boto3's word for a malformed endpoint."""

Known = Mapping[str, tuple[int, datetime, str]]
"""What an earlier listing found: source_object -> (size_bytes, modified_at, etag)."""


class ObjectsError(Exception):
    """A location cannot be listed; the message is one sentence that says why and what to do."""


@dataclass(frozen=True)
class ListedObject:
    """One object as its storage describes it. Equal etag and size mean equal content."""

    source_object: str
    """Absolute posix path, or s3:// URI."""
    etag: str
    """S3's ETag without quotes; of a local file the MD5 of its content."""
    size_bytes: int
    modified_at: datetime


def list_objects(
    location: str, *, region: str = "us-east-1", endpoint_url: str = "", known: Known | None = None
) -> Iterator[ListedObject]:
    """Every object under `location`, ordered by name; hidden and partial ones are left out.

    A folder is read with its subfolders. An s3:// prefix is S3's own: `s3://b/logs` also matches `logs-old/…`, and
    `s3://b/logs/E1` matches the files of one distribution. A local file whose size and time are those in `known`
    keeps its etag without being read. Raises ObjectsError while being iterated, never half-way in silence.
    """
    if location.startswith("s3://"):
        yield from _s3_objects(location, region, endpoint_url)
        return
    for path, found in _local_files(location):
        try:
            listed = _identify(path, found, known or {})
        except FileNotFoundError:
            continue  # removed since the folder was read: it is not an object of this location any more
        except OSError as error:
            raise ObjectsError(_unreadable(path, error)) from error
        yield listed


def count_objects(
    location: str, *, region: str = "us-east-1", endpoint_url: str = "", limit: int = 1000, seconds: float = 20
) -> int:
    """How many objects `location` holds, counting no further than `limit`, reading none and asking S3 once."""
    if location.startswith("s3://"):
        found: Iterator[object] = _s3_objects(location, region, endpoint_url, seconds=seconds, attempts=1)
    else:
        found = _local_files(location)
    return sum(1 for _ in zip(range(limit), found, strict=False))


def _is_ignored(relative: str) -> bool:
    is_folder_marker = not relative or relative.endswith("/")  # an empty object that consoles make for a "folder"
    return (
        is_folder_marker
        or relative.endswith(PARTIAL_SUFFIX)
        or any(part.startswith(".") for part in relative.split("/"))
    )


# Local files


def _local_files(location: str) -> Iterator[tuple[str, os.stat_result]]:
    if not location.strip():
        raise ObjectsError(
            "No location of log objects is set; name a folder or an s3:// URI in WEIR_CLOUDFRONT_RAW or --input."
        )
    if "://" in location:
        raise ObjectsError(
            f"The location {location} is neither a folder nor an s3:// URI; copy its objects to one of these."
        )
    root = os.path.abspath(Path(location).expanduser())  # noqa: PTH100 - Path.absolute() keeps "..", resolve() follows links
    try:
        found = os.stat(root)  # noqa: PTH116 - paths stay strings: a folder may hold a million
    except FileNotFoundError:
        raise ObjectsError(f"The folder {root} does not exist; correct the path or create it.") from None
    except OSError as error:
        raise ObjectsError(_unreadable(root, error)) from error
    if stat.S_ISDIR(found.st_mode):
        yield from _walk(root, ((found.st_dev, found.st_ino),))
    elif stat.S_ISREG(found.st_mode):
        yield root, found
    else:
        raise ObjectsError(f"{root} is neither a folder nor a file; correct the path.")


def _walk(folder: str, ancestors: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, os.stat_result]]:
    """Files below `folder` in the byte order of their whole names, which is S3's order too."""
    try:
        with os.scandir(folder) as entries:
            kept = [(entry, entry.is_dir()) for entry in entries if not _is_ignored(entry.name)]
    except OSError as error:
        raise ObjectsError(_unreadable(folder, error)) from error
    for entry, is_dir in sorted(kept, key=lambda pair: os.fsencode(pair[0].name) + b"/" * pair[1]):
        try:
            found = entry.stat()
            is_regular = entry.is_file()  # a pipe would never end
        except FileNotFoundError:
            continue  # a dangling link, or removed since the folder was read
        except OSError as error:
            raise ObjectsError(_unreadable(entry.path, error)) from error
        identity = (found.st_dev, found.st_ino)
        if is_dir and identity not in ancestors:  # a link to a folder above itself has no end
            yield from _walk(entry.path, (*ancestors, identity))
        elif is_regular:
            yield entry.path, found


def _identify(path: str, found: os.stat_result, known: Known) -> ListedObject:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ObjectsError(f"The name of the file {os.fsencode(path)!r} is not UTF-8; rename it.") from None
    source_object = Path(path).as_posix()
    modified_at = datetime.fromtimestamp(0, UTC) + timedelta(
        microseconds=found.st_mtime_ns // 1000
    )  # floats lose the end
    before = known.get(source_object)
    if before and before[:2] == (found.st_size, modified_at):
        return ListedObject(source_object, before[2], found.st_size, modified_at)
    with Path(path).open("rb") as content:
        etag = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        # Size and etag are of the bytes read, the time is from before: what grew meanwhile looks changed next time.
        return ListedObject(source_object, etag, content.tell(), modified_at)


def _unreadable(path: str, error: OSError) -> str:
    return f"{path} cannot be read ({error.strerror or error}); let this user read it or move it out of the folder."


# S3


def _s3_objects(location: str, region: str, endpoint_url: str, **patience: Any) -> Iterator[ListedObject]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    if not bucket:
        raise ObjectsError(f"The location {location} names no bucket; write s3://bucket/prefix.")
    folder_length = prefix.rfind("/") + 1
    try:
        client = aws_client("s3", region, endpoint_url, **patience)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                if not _is_ignored(item["Key"][folder_length:]):
                    modified_at = item["LastModified"].astimezone(UTC)
                    yield ListedObject(
                        f"s3://{bucket}/{item['Key']}", item["ETag"].strip('"'), item["Size"], modified_at
                    )
    except AWS_ERRORS as error:
        raise ObjectsError(aws_sentence(error, location, endpoint_url, permission="s3:ListBucket")) from error


# AWS


def aws_client(service: str, region: str, endpoint_url: str = "", *, seconds: float = 20, attempts: int = 4) -> Any:
    """A boto3 client with bounded waiting; `endpoint_url` stands in for AWS's own where it is set."""
    import boto3  # half a second: only commands that reach AWS pay for it
    from botocore.config import Config

    config = Config(
        connect_timeout=min(seconds, 5),
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        s3={
            "addressing_style": "path" if endpoint_url else "auto"
        },  # other stores seldom have a host name for each bucket
    )
    # A session of its own: boto3's default one is shared between threads and keeps the first credentials it saw.
    return boto3.session.Session().client(service, region_name=region, endpoint_url=endpoint_url or None, config=config)


def aws_refusal(
    service: str,
    call: str,
    what: str,
    permission: str,
    region: str,
    endpoint_url: str,
    seconds: float,
    **arguments: Any,
) -> str:
    """Try one reading call, once: empty where it succeeds, else what is wrong, in one sentence."""
    try:
        getattr(aws_client(service, region, endpoint_url, seconds=seconds, attempts=1), call)(**arguments)
    except AWS_ERRORS as error:
        return aws_sentence(error, what, endpoint_url, permission=permission)
    return ""


def aws_sentence(error: Exception, what: str, endpoint_url: str = "", *, permission: str = "") -> str:
    """What went wrong with `what` (a URI, a topic, …) and what to do, in one sentence without any secret."""
    kind = type(error).__name__
    match error:
        case botocore_errors.ClientError():
            return _client_error_sentence(
                str(error.response.get("Error", {}).get("Code", "an error")), what, permission
            )
        case botocore_errors.NoCredentialsError():
            return f"No AWS credentials were found for {what}; {CREDENTIALS_HINT}."
        case (
            botocore_errors.PartialCredentialsError()
            | botocore_errors.ProfileNotFound()
            | botocore_errors.CredentialRetrievalError()
            | botocore_errors.TokenRetrievalError()
            | botocore_errors.SSOError()
            | botocore_errors.LoginError()
        ):
            return f"The AWS credentials for {what} cannot be used ({kind}); {CREDENTIALS_HINT}."
        case botocore_errors.ConnectionError() | botocore_errors.HTTPClientError():
            where = url_without_secrets(endpoint_url) if endpoint_url else "AWS"
            return f"{where} cannot be reached for {what} ({kind}); check the network, WEIR_AWS_REGION and WEIR_AWS_ENDPOINT_URL."
    return f"{what} cannot be used with AWS ({kind}); check its name, WEIR_AWS_REGION and WEIR_AWS_ENDPOINT_URL."


def _client_error_sentence(code: str, what: str, permission: str) -> str:
    if code in BAD_CREDENTIALS:
        return f"AWS refused the credentials for {what} ({code}); renew or correct them: {CREDENTIALS_HINT}."
    if code in DENIED:
        return f"AWS denied access to {what} ({code}); allow {permission or 'the call'} to these credentials or use others."
    if code in {"NoSuchBucket", "404", "NotFound", "NotFoundException", "ResourceNotFoundException"}:
        return f"{what} does not exist ({code}); correct its name, WEIR_AWS_REGION or the account, or create it."
    if code in OTHER_REGION:
        return f"{what} is in another region ({code}); set WEIR_AWS_REGION to its region."
    if code in THROTTLED:
        return f"AWS throttles the calls for {what} ({code}); run again in a minute."
    return f"AWS answered {code} for {what}; run again, and look the code up in the service's documentation if it persists."


def url_without_secrets(url: str) -> str:
    """Scheme, host and port only: user, password, path and query of a URL may each be a secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""  # not a number where a password holds an unescaped "/"
    except ValueError:
        return "an address that is not a URL"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
