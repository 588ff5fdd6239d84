"""What every family of distributions is: named parameters in one array library, a domain, and what is known of it."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import numpy as np

from kullback._core.errors import InputError, InputTypeError
from kullback.arrays._backend import (
    Array,
    Namespace,
    as_arrays,
    at_once,
    device,
    inspectable,
    is_torch,
    lives_on_cpu,
    working_dtype,
)
from kullback.arrays._checks import check_dtype

from ._constraints import Rule
from ._domain import Domain, bound


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family: its name, and what it may be."""

    name: str
    rule: Rule


def parameter(rule: Rule, default: Any = MISSING) -> Any:
    """Declare a parameter in the body of a family."""
    return dataclasses.field(default=default, metadata={"rule": rule})


_F = TypeVar("_F")
_L = TypeVar("_L", bound="Family")
_NUMBERS = (float, int, np.float64)


def numpy_namespace() -> Namespace:
    """Return NumPy as the array API has it; it is imported late, to keep `import kullback` light."""
    import array_api_compat.numpy as xp

    return xp


@dataclass_transform(frozen_default=True, field_specifiers=(parameter,))
def family(cls: type[_F]) -> type[_F]:
    """Make a family of a class that declares parameters."""
    return dataclass(frozen=True, eq=False, repr=False)(cls)


@family
class Family:
    """A distribution of a known family, or a batch of them.

    A family declares its parameters with `parameter`, its `domain`, and as much of `log_density`, `entropy`, `mean`,
    `variance` and `sample` as has a closed form. Parameters broadcast; they are kept in working precision (float32 on a
    CPU is widened), results come back in the dtype they were given in.
    """

    domain: ClassVar[Domain]
    parameters: ClassVar[dict[str, Parameter]] = {}
    #: Parameters that have no default.
    required: ClassVar[frozenset[str]] = frozenset()
    #: Groups of parameters of which exactly one is given, such as probs or logits.
    one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        declared = {n: f for n, f in vars(cls).items() if isinstance(f, dataclasses.Field) and "rule" in f.metadata}
        cls.parameters = cls.parameters | {n: Parameter(n, f.metadata["rule"]) for n, f in declared.items()}
        cls.required = cls.required | {n for n, f in declared.items() if f.default is MISSING}

    def __post_init__(self) -> None:
        self._take({name: getattr(self, name) for name in self.parameters}, checked=False)

    def __getstate__(self) -> dict[str, Any]:
        """A namespace is a module, and travels by its name."""
        return self.__dict__ | {"xp": self.xp.__name__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, importlib.import_module(value) if name == "xp" else value)

    @classmethod
    def trusted(cls, **parameters: Any) -> Self:
        """Make a distribution of parameters that have been checked before."""
        law = object.__new__(cls)
        for name in cls.parameters:
            parameters.setdefault(name, None)
        for f in dataclasses.fields(cls):
            if f.name not in cls.parameters:
                object.__setattr__(law, f.name, parameters.pop(f.name, f.default))
        law._take(parameters, checked=True)
        return law

    def like(self, family: type[_L], **parameters: Any) -> _L:
        """Return a member of a family, in the precision that this distribution is kept and reported in."""
        law = family.trusted(**{k: self.xp.asarray(v) if np.isscalar(v) else v for k, v in parameters.items()})
        object.__setattr__(law, "dtype", self.dtype)
        return law

    def _take(self, given: dict[str, Any], *, checked: bool) -> None:
        missing = [] if checked else [name for name in self.required if given[name] is None]
        if missing:
            raise InputTypeError(f"{type(self).__name__}: {missing[0]} must be given, got None")
        given = {name: value for name, value in given.items() if value is not None}
        for group in self.one_of:
            if sum(name in given for name in group) != 1:
                raise InputTypeError(f"{type(self).__name__} takes exactly one of {' and '.join(group)}")
        if all(type(value) in _NUMBERS for value in given.values()):
            xp, arrays = numpy_namespace(), [np.asarray(value, dtype=np.float64) for value in given.values()]
            dtype = working = arrays[0].dtype
        else:
            xp, arrays, dtype, working = self._brought_together(given)
        object.__setattr__(self, "xp", xp)
        object.__setattr__(self, "dtype", dtype)
        for name in self.parameters:
            object.__setattr__(self, name, None)
        for name, array in zip(given, arrays, strict=True):
            if array.dtype != working:
                with at_once() if inspectable(array) and not is_torch(array) else nullcontext():
                    array = xp.astype(array, working, copy=False)
            self._check_shape(name, array)
            if not checked:
                self.parameters[name].rule.check(xp, type(self).__name__, name, array)
            object.__setattr__(self, name, array)
        if not checked:
            if any(array.ndim for array in arrays):
                _ = self.batch_shape
            self.check()

    def _brought_together(self, given: dict[str, Any]) -> tuple[Namespace, list[Array], Any, Any]:
        """Return the parameters as arrays of one library, the dtype to report in, and the one to work in."""
        try:
            xp, arrays = as_arrays(*given.values())
        except (ValueError, TypeError) as error:
            raise InputTypeError(f"{type(self).__name__}: {error}") from error
        arrays = [xp.asarray(a) if isinstance(a, (np.generic, float, int)) else a for a in arrays]
        for name, array in zip(given, arrays, strict=True):
            check_dtype(xp, array, f"{type(self).__name__}: {name}", "probs", counts_welcome=True)
        floats = [a.dtype for a in arrays if not xp.isdtype(a.dtype, "integral")]
        dtype = xp.result_type(*floats) if floats else working_dtype(xp, arrays[0].dtype, lives_on_cpu(arrays[0]))
        return xp, arrays, dtype, working_dtype(xp, dtype, lives_on_cpu(arrays[0]))

    def _check_shape(self, name: str, array: Array) -> None:
        ndim = self.parameters[name].rule.event_ndim
        if array.ndim < ndim:
            kind = {1: "vectors", 2: "matrices"}[ndim]
            raise InputError(f"{type(self).__name__}: {name} must hold {kind}, got shape {tuple(array.shape)}")

    def check(self) -> None:
        """Refuse parameters that do not go together; a family says here what its rules cannot."""

    # Set by `_take`; not fields, so that a family's parameters are all that it shows.
    xp: ClassVar[Namespace]
    dtype: ClassVar[Any]

    @property
    def given(self) -> dict[str, Array]:
        """The parameters that were given."""
        return {name: getattr(self, name) for name in self.parameters if getattr(self, name) is not None}

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of distributions."""
        shapes = {
            name: tuple(a.shape[: a.ndim - self.parameters[name].rule.event_ndim]) for name, a in self.given.items()
        }
        try:
            return np.broadcast_shapes(*shapes.values())
        except ValueError as error:
            text = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise InputError(f"{type(self).__name__}: the batch shapes of {text} do not broadcast") from error

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one draw."""
        return ()

    @property
    def label(self) -> str:
        """What to call it in a sentence."""
        return type(self).__name__

    @property
    def discrete(self) -> bool:
        """Whether draws have probabilities, not densities."""
        return self.domain.space in ("integers", "counts", "one-hot")

    def support(self) -> tuple[Any, Any]:
        """Ends of the support; narrower than the domain where a parameter at its own end leaves less."""
        return bound(self, self.domain.lower), bound(self, self.domain.upper)

    def beside(self, other: Family) -> Family:
        """The same distribution as it is compared with another: a member of a plainer family where that serves."""
        return self

    def log_density(self, x: Array) -> Array:
        """Logarithm of the density, or of the probability, at x."""
        raise NotImplementedError

    def entropy(self) -> Array:
        """Entropy in nats."""
        raise NotImplementedError

    def mean(self) -> Array:
        """Mean."""
        raise NotImplementedError

    def variance(self) -> Array:
        """Variance."""
        raise NotImplementedError

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        """Return `count` draws of each distribution of the batch, as a NumPy array, draws along the first axis."""
        raise NotImplementedError

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={_short(value)}" for name, value in self.given.items())
        return f"{type(self).__name__}({values})"


def _short(value: Array) -> str:
    return repr(float(value)) if value.ndim == 0 else f"array{tuple(value.shape)}"


def knows(law: Family | type[Family], what: str) -> bool:
    """Whether a family has a closed form of "entropy", "mean", …."""
    family = law if isinstance(law, type) else type(law)
    return getattr(family, what) is not getattr(Family, what)


def together(p: Family, q: Family) -> tuple[Family, Family]:
    """Return both distributions in the array library, device and working precision of the first."""
    theirs = [a for law in (p, q) for a in law.given.values()]
    if not p.given or not q.given:
        # Nothing is known of one of them but its density: there is no form to compute.
        return p, q
    first = theirs[0]
    in_memory = isinstance(first, (np.ndarray, np.generic))
    same = p.xp is q.xp and all(a.dtype == first.dtype for a in theirs) and p.dtype == q.dtype
    if same and (in_memory or all(_place(a) == _place(first) for a in theirs)):
        return p, q
    like = first
    wide = p.xp.result_type(*(a.dtype for a in theirs)) if p.xp is q.xp else like.dtype
    result = p.xp.result_type(p.dtype, q.dtype) if p.xp is q.xp else p.dtype
    return _moved(p, p, like, wide, result), _moved(q, p, like, wide, result)


def _place(x: Array) -> str:
    return str(device(x))


def rebuilt(
    law: Family, xp: Namespace, dtype: Any, move: Callable[[Array, int], Array], part: Callable[[Family], Family]
) -> Family:
    """Return a copy with every parameter moved, and every distribution that it is made of.

    `move` takes the parameter and how many trailing dimensions one value of it has; the copy's arrays are of `xp`.
    """
    copy = object.__new__(type(law))
    for f in dataclasses.fields(law):
        value = getattr(law, f.name)
        if isinstance(value, Family):
            value = part(value)
        elif isinstance(value, tuple) and value and all(isinstance(v, Family) for v in value):
            value = tuple(part(v) for v in value)
        elif f.name in law.parameters and value is not None:
            value = move(value, law.parameters[f.name].rule.event_ndim)
        object.__setattr__(copy, f.name, value)
    object.__setattr__(copy, "xp", xp)
    object.__setattr__(copy, "dtype", dtype)
    if "domain" in vars(law):
        object.__setattr__(copy, "domain", law.domain)
    return copy


def _moved(law: Family, to: Family, like: Array, working: Any, dtype: Any) -> Family:
    def move(x: Array, _: int) -> Array:
        if law.xp is not to.xp:
            if is_torch(x) and x.requires_grad:
                raise InputError(
                    f"{type(law).__name__} is made of tensors with a gradient, which another library would lose: "
                    "make both distributions of torch, or detach them"
                )
            x = to.xp.asarray(np.asarray(x), device=device(like)) if not is_torch(like) else _tensor(x, like)
        return to.xp.astype(x, working, copy=False)

    return rebuilt(law, to.xp, dtype, move, lambda part: _moved(part, to, like, working, dtype))


def _tensor(x: Array, like: Array) -> Array:
    import torch

    return torch.as_tensor(np.array(x), device=like.device)
