"""Files of models that somebody trained elsewhere, read without running code of theirs.

skops builds only what it or the specification trusts. A pickle is a program; it is unpickled only where every name that
it calls makes a plain value or is a class of scikit-learn, scipy.sparse or this package, and was allowed by that name.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from weir_models import registry, trees
from weir_models.contract import Model, ModelSpec

PACKAGES = ("sklearn.", "scipy.sparse.", "numpy.dtypes.", "weir_models.")
"""Of whose classes a pickle may be allowed to make instances."""
NAMES = {
    "collections.OrderedDict", "collections.defaultdict", "copyreg._reconstructor",
    "numpy.dtype", "numpy.ndarray", "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer", "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__bit_generator_ctor", "numpy.random._pickle.__generator_ctor",
    "numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64", "numpy.random.bit_generator.SeedSequence",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    *(f"numpy.{name}" for name in "float64 float32 int64 int32 bool bool_ str_".split()),
    *(f"builtins.{name}" for name in "object set frozenset list dict tuple slice complex bytearray int float bool str".split()),
}  # fmt: skip
"""What else it may be allowed to call: makers of plain values."""
CYTHON_CONSTRUCTOR = "__pyx_unpickle_"
SHOWN_NAMES = 8


class ForeignModelError(ValueError):
    """A file holds no model that can be imported; one sentence that says what to do."""

    exit_code = 3


def read_skops(file: Path, spec: ModelSpec, most_bytes: int) -> Any:
    """What a .skops file holds; ForeignModelError where it is damaged, too large, or asks for a type that nobody trusts."""
    import skops.io

    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ForeignModelError(
            f"{file.name} is no file of skops ({error}); write it with skops.io.dump(model, file)."
        ) from error
    if size > most_bytes:
        raise ForeignModelError(
            f"{file.name} holds {size:,} bytes, and {most_bytes:,} are allowed for {spec.name}; fit a smaller model."
        )
    trusted = [*spec.trusted_types, *registry.IMPORTED_TYPES]
    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(file=file)) - set(trusted))
        if not untrusted:
            return skops.io.load(file, trusted=trusted)
    except (Exception, MemoryError) as error:  # whatever a crafted file makes skops and numpy raise
        raise ForeignModelError(
            f"{file.name} cannot be read ({_first_line(error)}); write it with skops.io.dump and the versions of requirements.lock."
        ) from error
    raise ForeignModelError(
        f"{file.name} asks for {_listed(untrusted)}, and {spec.name} is built of none but its own class and scikit-learn's; "
        "import it as the model that it is, or dump a model without such parts."
    )


def names_in_pickle(file: Path) -> list[str]:
    """Everything that a pickle would call, as `module.name`, found without calling it; ForeignModelError."""
    names: set[str] = set()

    class Names(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            names.add(f"{module}.{name}")
            return type("Inert", (_Inert,), {})

        def persistent_load(self, pid: Any) -> Any:
            raise ForeignModelError(f"{file.name} refers to objects outside of it; dump the model with skops.io.dump.")

    _unpickled(Names, file)
    return sorted(names)


class _Inert:
    """Stands for whatever a pickle asks for, and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        """For the opcodes that fill lists."""

    def extend(self, items: Any) -> None:
        """For the opcodes that fill lists."""

    def add(self, item: Any) -> None:
        """For the opcodes that fill sets."""

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return self

    def __hash__(self) -> int:
        return id(self)


def read_pickle(file: Path, allowed: Collection[str]) -> Any:
    """What a pickle holds, where all that it calls is allowed by name; ForeignModelError otherwise."""
    names = names_in_pickle(file)
    if never := [name for name in names if not _may_be_allowed(name)]:
        raise ForeignModelError(
            f"{file.name} is a pickle that would call {_listed(never)}, which is never run; dump the model with skops.io.dump."
        )
    if missing := [name for name in names if name not in allowed]:
        raise ForeignModelError(
            f"{file.name} is a pickle, which runs code: dump the model with skops.io.dump, or, if you trust whoever made it, "
            f'allow what it calls by --allow-pickle "{" ".join(missing)}".'
        )

    class Allowed(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if f"{module}.{name}" not in names:
                raise ForeignModelError(f"{file.name} calls {module}.{name} after all; it is not read.")
            return super().find_class(module, name)

    return _unpickled(Allowed, file)


def _unpickled(reader: type[pickle.Unpickler], file: Path) -> Any:
    try:
        return reader(io.BytesIO(file.read_bytes())).load()
    except ForeignModelError:
        raise
    except (Exception, MemoryError) as error:  # a crafted stream can make any of them
        raise ForeignModelError(
            f"{file.name} is no pickle that can be read ({_first_line(error)}); dump the model with skops.io.dump."
        ) from error


def _may_be_allowed(name: str) -> bool:
    """Whether a name is a class or a constructor of a package that models are made of."""
    module, _, attribute = name.rpartition(".")
    if name in NAMES:
        return True
    if not name.startswith(PACKAGES):
        return False
    if attribute.startswith(CYTHON_CONSTRUCTOR):
        return True
    try:
        return isinstance(getattr(import_module(module), attribute), type)
    except (ImportError, AttributeError):
        return False


def adapted(estimator: Any, spec: ModelSpec, inputs: Sequence[str]) -> Model:
    """The estimator as a model of the specification; ForeignModelError where its inputs or outputs are others.

    `inputs`: the columns that a model of this name is given.
    """
    from sklearn.base import BaseEstimator, is_classifier

    from weir_models.imported import ImportedClassifier

    path, learning = f"{type(estimator).__module__}.{type(estimator).__qualname__}", spec.learning
    if path in spec.trusted_types:
        own: Model = estimator
        return own
    if isinstance(estimator, ImportedClassifier):
        estimator = estimator.estimator
    if learning is None or not learning.flag or not learning.outcome:
        raise ForeignModelError(
            f"It is a {path}, and only {' or '.join(spec.trusted_types)} can be imported as {spec.name}; fit and dump that class."
        )
    if not (isinstance(estimator, BaseEstimator) and is_classifier(estimator) and hasattr(estimator, "predict_proba")):
        raise ForeignModelError(
            f"It is a {path}, which gives no probabilities of two classes; import a classifier with predict_proba."
        )
    if [str(one) for one in getattr(estimator, "classes_", ())] not in (["False", "True"], ["0", "1"]):
        raise ForeignModelError(
            f"The classes of the classifier are not false and true; fit it on {spec.label} as a column of booleans."
        )
    columns = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    if not columns:
        raise ForeignModelError(
            "The classifier does not know the names of its inputs; fit it on a data frame instead of an array."
        )
    if foreign := [name for name in columns if name not in inputs]:
        raise ForeignModelError(
            f"The classifier reads {_listed(foreign)}, which {spec.name} is not given; fit it on {_listed(list(inputs))}."
        )
    if problem := trees.problem_of(estimator):
        raise ForeignModelError(f"The classifier cannot be used safely: {problem}; fit and dump it again.")
    return ImportedClassifier(
        estimator, columns, learning.score, learning.flag, learning.details, _threshold_of(estimator)
    )


def _threshold_of(estimator: Any) -> float:
    """The threshold of scikit-learn's meta-estimators that have one, else one half."""
    for name in ("best_threshold_", "threshold"):
        value = getattr(estimator, name, None)
        if isinstance(value, float) and 0 <= value <= 1:
            return value
    return 0.5


def untrusted_parts(model: Model, spec: ModelSpec) -> list[str]:
    """Types of a model in memory with which it could not be loaded again."""
    import skops.io

    requested = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    return sorted(set(requested) - {*spec.trusted_types, *registry.IMPORTED_TYPES})


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
