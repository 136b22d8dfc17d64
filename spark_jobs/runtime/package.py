"""`make package`: what a cluster needs besides Spark: main.py, a zip of the code, and requirements of its Python.

    python -m spark_jobs.runtime.package FOLDER

The zip holds spark_jobs and weir_models and is imported as a zip (`--py-files`, `--extra-py-files`). Its bytes depend on
the code alone. Whether a service takes an archive, an image or requirements.txt is in docs/scaling.md.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from spark_jobs.errors import ExitCode, WeirError

ZIP, ENTRY_POINT, REQUIREMENTS = "weir-jobs.zip", "main.py", "requirements.txt"
PACKAGES = ("spark_jobs", "weir_models")
NEEDED = ("boto3", "deltalake", "isal", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops", "threadpoolctl")
"""What the packages import; pyspark is the service's own. boto3: the driver's alone, for secrets."""
EPOCH = (1980, 1, 1, 0, 0, 0)
LOCK = Path(__file__).parents[2] / "requirements.lock"


class PackageError(WeirError):
    """The package cannot be built here; one sentence that says what to do."""

    exit_code = ExitCode.SERVICE


def write_zip(path: Path) -> Path:
    """The code of both packages as a zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, source in sorted(_files()):
            file.writestr(zipfile.ZipInfo(name, EPOCH), source.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def write_package(folder: Path) -> list[Path]:
    """main.py, the zip and requirements.txt in `folder`; returns their paths."""
    paths = [write_zip(folder / ZIP), folder / ENTRY_POINT, folder / REQUIREMENTS]
    paths[1].write_bytes(entry_point().read_bytes())
    paths[2].write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    return paths


def entry_point() -> Path:
    """The script that spark-submit runs."""
    return Path(__file__).parents[1] / ENTRY_POINT


def requirements(lock: Path = LOCK) -> list[str]:
    """Lines of the lock, with versions and hashes, for what the packages import and for all that it requires."""
    if not lock.exists():
        raise PackageError(f"{lock.name} is not beside the packages; make the package in a checkout of Weir.")
    pinned: dict[str, list[str]] = {}  # several of one name where versions of Python differ
    for pin in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip()):
        pinned.setdefault(_canonical(pin), []).append(pin)
    names: set[str] = set()
    pending = list(NEEDED)
    while pending:
        name = pending.pop()
        if name not in names:
            names.add(name)
            pending += [needed for needed in _needs(name) if needed in pinned]
    if absent := sorted(names - pinned.keys()):
        raise PackageError(f"requirements.lock lacks {', '.join(absent)}; run `make lock`.")
    return [pin for name in sorted(names) for pin in pinned[name]]


def _files() -> Iterator[tuple[str, Path]]:
    """(name in the zip, file) of both packages."""
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise PackageError(f"The package {package} cannot be found; install Weir, or start this in its checkout.")
        root = Path(spec.origin).parent
        for path in root.rglob("*"):
            if path.is_file() and path.suffix in (".py", ".md"):
                yield f"{package}/{path.relative_to(root).as_posix()}", path


def _needs(name: str) -> Iterator[str]:
    """Names of what an installed distribution requires without extras, in any environment."""
    for line in metadata.requires(name) or ():
        requirement, _, marker = line.partition(";")
        if "extra" not in marker:
            yield _canonical(requirement)


def _canonical(requirement: str) -> str:
    """`Scikit_Learn>=1.9` -> `scikit-learn`."""
    match = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""


def main(folder: str) -> None:
    """Build the package in `folder` and print the paths."""
    try:
        for path in write_package(Path(folder)):
            print(path)
    except PackageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
