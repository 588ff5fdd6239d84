"""The noun: a divergence with its error, its interval, its parts and its caveats."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from . import late
from .errors import InputError
from .units import bits, percent, shown

if TYPE_CHECKING:
    from rich.table import Table

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, eq=True)
class Divergence:
    """A divergence D(P‖Q), how sure we are of it, and where it comes from.

    Parameters
    ----------
    value : float
        The divergence in nats; at least 0, possibly infinite.
    error : float, default 0
        Standard error of an estimate, or bound on the error of a computation, in nats.
    interval : (float, float), optional
        Interval for the true divergence at `confidence`, in nats. An upper end of inf says "at least".
    confidence : float, optional
        Nominal coverage of `interval`, in (0, 1).
    method : str
        Which formula, rung or estimator answered.
    parts : mapping of str to float
        Named contributions, in nats, that sum to `value`.
    caveats : sequence of str
        Whole sentences: why this number may be wrong.
    p_value : float, optional
        Of P = Q, where it was tested.

    Raises
    ------
    InputError
        If the value is negative or NaN, the error is negative, the interval is not ordered, the p-value is none, or
        the parts do not sum to the value.
    """

    value: float
    error: float = 0.0
    interval: tuple[float, float] | None = None
    confidence: float | None = None
    method: str = "exact"
    parts: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    caveats: tuple[str, ...] = ()
    p_value: float | None = None

    def __post_init__(self) -> None:
        def keep(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        keep("value", float(self.value))
        keep("error", float(self.error))
        keep("parts", MappingProxyType({str(k): float(v) for k, v in self.parts.items()}))
        keep("caveats", tuple(self.caveats))
        if not self.value >= 0:
            raise InputError(f"a divergence is at least 0, got {self.value}")
        if not self.error >= 0:
            raise InputError(f"an error is at least 0, got {self.error}")
        if (self.interval is None) != (self.confidence is None):
            raise InputError("interval and confidence come together: give both or neither")
        if self.interval is not None and self.confidence is not None:
            low, high = (float(end) for end in self.interval)
            keep("interval", (low, high))
            if not 0 <= low <= high:
                raise InputError(f"an interval is two ordered numbers of at least 0, got {self.interval}")
            if not 0 < self.confidence < 1:
                raise InputError(f"confidence must lie strictly between 0 and 1, got {self.confidence}")
        if self.p_value is not None and not 0 <= self.p_value <= 1:
            raise InputError(f"a p-value lies between 0 and 1, got {self.p_value}")
        self._check_parts()

    def _check_parts(self) -> None:
        if not self.parts:
            return
        total = math.fsum(self.parts.values())
        size = math.fsum(abs(v) for v in self.parts.values()) if math.isfinite(total) else 0.0
        # Parts come in the precision of the arrays they were summed from: float32 sums agree to about 1e-6.
        if not (total == self.value or abs(total - self.value) <= 1e-6 * size):
            raise InputError(f"the parts sum to {total}, not to the value {self.value}")

    def __hash__(self) -> int:
        return hash((self.value, self.error, self.interval, self.confidence, self.method, self.caveats))

    def __reduce__(self) -> tuple[Any, ...]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return _rebuild, (type(self), values | {"parts": dict(self.parts)})

    def __float__(self) -> float:
        return self.value

    @property
    def nats(self) -> float:
        """The value in nats."""
        return self.value

    @property
    def bits(self) -> float:
        """The value in bits."""
        return bits(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold; infinities are written as strings."""
        return {
            "value": plain(self.value),
            "error": plain(self.error),
            "interval": None if self.interval is None else [plain(end) for end in self.interval],
            "confidence": self.confidence,
            "unit": "nats",
            "method": self.method,
            "parts": {name: plain(value) for name, value in self.parts.items()},
            "caveats": list(self.caveats),
            "p_value": self.p_value,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Divergence:
        """Rebuild a divergence from `to_dict`.

        Raises
        ------
        InputError
            If the unit is not nats or a field is missing.
        """
        if data.get("unit") != "nats":
            raise InputError(f"unit must be 'nats', got {data.get('unit')!r}")
        try:
            interval = data["interval"]
            return cls(
                value=float(data["value"]),
                error=float(data["error"]),
                interval=None if interval is None else (float(interval[0]), float(interval[1])),
                confidence=data["confidence"],
                method=data["method"],
                parts={name: float(value) for name, value in data["parts"].items()},
                caveats=tuple(data["caveats"]),
                p_value=data["p_value"],
            )
        except KeyError as error:
            raise InputError(f"the field {error} is missing from the divergence") from error

    def plot(self) -> Any:
        """Return an Altair chart of the parts, or of the value and its interval where there are none."""
        return late.use("chart of a divergence")(self)

    def _summary(self) -> list[tuple[str, str]]:
        """Rows of label and text, shared by every representation."""
        rows = [("D(P‖Q)", f"{shown(self.bits)} bits ({shown(self.value)} nats)")]
        if self.interval is not None and self.confidence is not None:
            low, high = (bits(end) for end in self.interval)
            reach = f"at least {shown(low)} bits" if math.isinf(high) else f"{shown(low)} to {shown(high)} bits"
            rows.append((f"{percent(self.confidence)} interval", reach))
        elif self.error:
            rows.append(("error", f"{shown(bits(self.error), 2)} bits"))
        if self.p_value is not None:
            rows.append(("p-value of P = Q", f"{self.p_value:.2g}"))
        rows.append(("method", self.method))
        rows.extend(
            (name, f"{shown(bits(value))} bits")
            for name, value in sorted(self.parts.items(), key=lambda item: -abs(item[1]))[:8]
        )
        if len(self.parts) > 8:
            rows.append(("…", f"{len(self.parts) - 8} more parts"))
        rows.extend(("caveat", text) for text in self.caveats)
        return rows

    def __repr__(self) -> str:
        text = f"{shown(self.value)} nats"
        if self.interval is not None and self.confidence is not None:
            low, high = self.interval
            reach = f"≥ {shown(low)}" if math.isinf(high) else f"[{shown(low)}, {shown(high)}]"
            text += f", {percent(self.confidence)} {reach}"
        elif self.error:
            text += f" ± {shown(self.error, 2)}"
        caveats = f", {len(self.caveats)} caveat{'s' * (len(self.caveats) > 1)}" if self.caveats else ""
        return f"{type(self).__name__}({text}, {self.method}{caveats})"

    def __rich__(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(show_header=False, box=None)
        for label, text in self._summary():
            table.add_row(Text(label, style="bold"), Text(text))
        return table

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th><td>{html.escape(text)}</td></tr>"
            for label, text in self._summary()
        )
        return f"<table>{rows}</table>"


def _rebuild(cls: type[Divergence], values: dict[str, Any]) -> Divergence:
    """Unpickle: a mapping proxy does not travel, a dictionary does."""
    return cls(**values)


def plain(value: float) -> float | str:
    """Write a float as JSON can hold it."""
    return value if math.isfinite(value) else str(value)
