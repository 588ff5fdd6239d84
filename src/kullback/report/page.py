"""A comparison as one self-contained HTML page."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import Any

from kullback._core.extras import require
from kullback._core.text import cut, distinct
from kullback._core.units import bits, percent, shown
from kullback.tables import ColumnDivergence, Comparison
from kullback.tables.comparison import interval_text

from .charts import CURRENT, GAIN, REFERENCE, column_templates
from .vega import bundle

_NAME_WIDTH = 80
_LABEL_WIDTH = 48


def of_comparison(comparison: Comparison) -> str:
    """Return the page: ranked columns, then for each its distributions, its bits by bin, and its caveats."""
    ranked = comparison.ranked()
    alarms = set(comparison.alarms)
    ends = [bits(d.interval[1]) if d.interval and math.isfinite(d.interval[1]) else d.bits for d in ranked]
    widest = max(ends, default=0.0) or 1.0
    page: str = _template().render(
        title=f"{cut(comparison.current, _NAME_WIDTH)} against {cut(comparison.reference, _NAME_WIDTH)}",
        comparison=comparison,
        columns=[_column(i, d, d.column in alarms, widest) for i, d in enumerate(ranked)],
        confidence=percent(comparison.confidence),
        error_rate=percent(1 - comparison.confidence),
        colours={"reference": REFERENCE, "current": CURRENT, "gain": GAIN},
        charts=_inert({"templates": column_templates(), "columns": [_levels(d) for d in ranked]}),
        script=bundle(),
    )
    return page


@cache
def _template() -> Any:
    jinja2 = require("jinja2", extra="tables", purpose="write the report")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(files("kullback.report").joinpath("page.html.j2").read_text(encoding="utf-8"))


def _column(place: int, d: ColumnDivergence, moved: bool, widest: float) -> dict[str, Any]:
    low, high = (bits(end) for end in d.interval) if d.interval else (d.bits, d.bits)
    return {
        "id": f"column-{place + 1}",
        "name": cut(d.column, _NAME_WIDTH).strip() or "(no name)",
        "kind": d.kind,
        "moved": moved,
        "bits": shown(d.bits, 3),
        "interval": interval_text(d),
        "p_value": f"{d.adjusted_p_value:.2g}",
        "reverse": shown(d.reverse.bits, 3) if d.reverse else "",
        "jensen_shannon": shown(bits(d.jensen_shannon), 3),
        "unseen": f"{d.unseen:.2%}" if d.unseen else "",
        "caveats": d.caveats,
        "method": d.method,
        "bar": round(100 * min(d.bits / widest, 1), 2),
        "low": round(100 * min(low / widest, 1), 2),
        "high": round(100 * min(high / widest, 1), 2) if math.isfinite(high) else 100,
        "described": _described(d),
    }


def _described(d: ColumnDivergence) -> str:
    """Say in words what the chart shows, for those who cannot see it."""
    if not d.levels:
        return "No values."
    most = max(d.levels, key=lambda level: level.nats)
    return (
        f"Shares of rows by {'bin' if d.ordered else 'value'}, current over reference. Most bits come from "
        f"{cut(most.label)}: {most.reference:.1%} of the reference, {most.current:.1%} of the current rows."
    )


def _levels(d: ColumnDivergence) -> dict[str, Any]:
    labels: dict[str, None] = {}
    rows = []
    for level in d.levels:
        label = distinct(cut(level.label, _LABEL_WIDTH).strip() or "(empty text)", labels)  # charts place values by it
        labels[label] = None
        rows.append(
            {
                "label": label,
                "reference": float(f"{level.reference:.6g}"),
                "current": float(f"{level.current:.6g}"),
                "bits": float(f"{bits(level.nats):.6g}"),
            }
        )
    return {"ordered": d.ordered, "levels": rows}


def _inert(data: Any) -> str:
    """Write JSON that cannot end the script element around it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
