"""A model's files from a folder, a file, MLflow or S3 in a folder of our own, and which of them holds the model.

Nothing of them is run or trusted here: no links, no path outside, no more bytes and files than a model may have.
"""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from platform_assets.actions.errors import RequestError
from platform_assets.clients.engine import lake_of
from platform_assets.clients.signatures import hash_of_files
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode
from spark_jobs.wording import counted

MOST_FILES = 1_000
DESCRIPTION, MOST_DESCRIPTION_BYTES = "MLmodel", 1 << 20
SKOPS, PICKLE = "skops", "pickle"
FORMATS = {".skops": SKOPS, ".pkl": PICKLE, ".pickle": PICKLE}
ELSEWHERE = ("models:/", "runs:/")


class ImportModelError(RequestError):
    """A model cannot be imported; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class Found:
    """The one file that holds the model."""

    file: Path
    format: str
    """skops or pickle."""
    sha256: str
    """Of all files that were given."""
    signature: Mapping[str, Any] = field(default_factory=dict)
    """`inputs` and `outputs`, each a list of columns as MLflow describes them; empty where there is none."""


def found(settings: Settings, source: str, to: Path, most_bytes: int) -> Found:
    """Fetch a source into the empty folder `to`; ImportModelError or TrackingError where there is no model in it."""
    fetch(settings, source, to, most_bytes)
    check_files(to, source, most_bytes)
    sha256 = hash_of_files(to)
    described = sorted(to.rglob(DESCRIPTION))
    if len(described) > 1:
        raise ImportModelError(f"{source} holds {counted(len(described), 'model')} of MLflow; name the folder of one.")
    if described:
        return _of_mlflow(described[0], source, sha256)
    files = [path for path in sorted(to.rglob("*")) if path.is_file()]
    known = [path for path in files if path.suffix in FORMATS] if len(files) > 1 else files
    if len(known) != 1:
        raise ImportModelError(
            f"{source} holds no MLmodel, and {counted(len(known), 'file')} of a model instead of one; name the file."
        )
    return Found(known[0], _format_of(known[0].name, source), sha256)


def _format_of(name: str, source: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".onnx":
        raise ImportModelError(
            f"{source} is an ONNX model, and no onnxruntime is among Weir's requirements; dump the estimator with skops.io.dump instead."
        )
    if suffix not in FORMATS:
        raise ImportModelError(
            f"{source} is none of .skops, .pkl, an MLflow folder or its .zip; dump the estimator with skops.io.dump."
        )
    return FORMATS[suffix]


def _of_mlflow(description: Path, source: str, sha256: str) -> Found:
    import yaml

    try:
        if description.stat().st_size > MOST_DESCRIPTION_BYTES:
            raise ValueError("it is too large")
        content = yaml.safe_load(description.read_text(encoding="utf-8"))
        flavors, texts = dict(content["flavors"]), content.get("signature") or {}
        signature = {side: json.loads(texts[side]) for side in ("inputs", "outputs") if texts.get(side)}
        if not all(isinstance(columns, list) for columns in signature.values()):
            raise ValueError("its signature is no list of columns")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImportModelError(
            f"The {DESCRIPTION} of {source} cannot be read ({reason}); save the model with mlflow.sklearn.save_model again."
        ) from error
    sklearn = flavors.get("sklearn")
    if not isinstance(sklearn, dict):
        kinds = ", ".join(sorted(map(str, flavors))) or "none"
        raise ImportModelError(
            f"{source} has no flavor sklearn but {kinds}, which Weir does not run; save an estimator with mlflow.sklearn.save_model."
        )
    if any(isinstance(flavor, dict) and flavor.get("code") for flavor in flavors.values()):
        raise ImportModelError(
            f"{source} brings code of its own, which is never run; save it without code_paths, of scikit-learn's classes alone."
        )
    name = str(sklearn.get("pickled_model", ""))
    file = description.parent / name
    if not name or not file.resolve().is_relative_to(description.parent.resolve()) or not file.is_file():
        raise ImportModelError(f"The {DESCRIPTION} of {source} names {name!r}, which is no file in it; save it again.")
    is_skops = sklearn.get("serialization_format") == SKOPS
    return Found(file, SKOPS if is_skops else PICKLE, sha256, signature)


def fetch(settings: Settings, source: str, to: Path, most_bytes: int) -> None:
    """Copy, unpack or download; what is too large or leads outside is not written."""
    if source.startswith(ELSEWHERE):
        from weir_models import tracking

        tracking.fetch(source, to, tracking_uri=settings.tracking_uri)
    elif source.startswith("s3://"):
        _from_s3(settings, source, to, most_bytes)
    elif "://" in source and not source.startswith("file://"):
        raise ImportModelError(f"{source} is not read from there; download it, and name the file or folder.")
    else:
        _from_path(Path(source.removeprefix("file://")).expanduser(), to, most_bytes)


def _from_path(path: Path, to: Path, most_bytes: int) -> None:
    try:
        path = path.resolve(strict=True)
        if path.is_dir():
            check_files(path, str(path), most_bytes)
            shutil.copytree(path, to / path.name, symlinks=True)
        elif zipfile.is_zipfile(path) and path.suffix == ".zip":
            _unpacked(path, to, most_bytes)
        elif not stat.S_ISREG(path.stat().st_mode):
            raise ImportModelError(f"{path} is neither a file nor a folder; name one.")
        elif path.stat().st_size > most_bytes:
            raise _too_large(str(path), path.stat().st_size, most_bytes)
        else:
            shutil.copyfile(path, to / path.name)
    except (OSError, RuntimeError, shutil.Error) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ImportModelError(f"{path} cannot be read ({reason}); name a file or folder of a model.") from error


def _unpacked(path: Path, to: Path, most_bytes: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_bounds(path.name, len(members), sum(member.file_size for member in members), most_bytes)
            for member in members:
                name = PurePosixPath(member.filename.replace("\\", "/"))
                if name.is_absolute() or ".." in name.parts or ":" in member.filename:
                    raise ImportModelError(
                        f"{path.name} holds {member.filename!r}, which leads out of it; it is not unpacked."
                    )
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise ImportModelError(
                        f"{path.name} holds the link {member.filename!r}; pack the files themselves."
                    )
            for member in members:  # a member is never read beyond the size that it declares
                archive.extract(member, to)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ImportModelError(f"{path.name} is a damaged archive ({error}); pack it again.") from error


def _from_s3(settings: Settings, source: str, to: Path, most_bytes: int) -> None:
    from pyarrow import fs

    try:
        filesystem, base = lake_of(settings).storage.filesystem(source.rstrip("/"))
        (own,) = filesystem.get_file_info([base])
        infos = (
            [own]
            if own.type == fs.FileType.File
            else [info for info in filesystem.get_file_info(fs.FileSelector(base, recursive=True)) if info.is_file]
        )
        _check_bounds(source, len(infos), sum(info.size for info in infos), most_bytes)
        for info in infos:
            relative = PurePosixPath(info.path.removeprefix(base).lstrip("/") or PurePosixPath(base).name)
            if ".." in relative.parts:
                raise ImportModelError(f"{source} holds {info.path!r}, which leads out of it; it is not read.")
            target = to / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with filesystem.open_input_stream(info.path) as stream:
                target.write_bytes(stream.read())
    except OSError as error:
        reason = str(error).splitlines()[0][:200]
        raise ImportModelError(
            f"{source} cannot be read ({reason}); correct it, or the rights of this home on the bucket."
        ) from error


def check_files(folder: Path, source: str, most_bytes: int) -> None:
    """ImportModelError where a folder holds links, devices, or more than a model may."""
    size = count = 0
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise ImportModelError(
                f"{source} holds the link {path.relative_to(folder).as_posix()!r}; copy the file itself there."
            )
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ImportModelError(
                f"{source} holds {path.relative_to(folder).as_posix()!r}, which is no file; remove it."
            )
        count, size = count + 1, size + (path.lstat().st_size if stat.S_ISREG(mode) else 0)
        _check_bounds(source, count, size, most_bytes)


def _check_bounds(source: str, count: int, size: int, most_bytes: int) -> None:
    if count > MOST_FILES:
        raise ImportModelError(f"{source} holds more than {MOST_FILES:,} files; name the folder of the model alone.")
    if size > most_bytes:
        raise _too_large(source, size, most_bytes)


def _too_large(source: str, size: int, most_bytes: int) -> ImportModelError:
    return ImportModelError(
        f"{source} takes {size:,} bytes or more, and {most_bytes:,} are allowed; fit a smaller model."
    )
