"""Charts, as Altair specifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kullback._core.divergence import Divergence
from kullback._core.extras import require
from kullback._core.text import cut
from kullback._core.units import bits

REFERENCE, CURRENT, GAIN = "#8a94a6", "#e8590c", "#1c7ed6"
_LABEL_WIDTH = 130
_AXIS_WIDTH = 44
_PANEL_HEIGHT = 180
_UPRIGHT = 12  # labels that have room to stand


def altair() -> Any:
    """Import Altair, or say what to install."""
    return require("altair", extra="tables", purpose="draw charts")


def of_divergence(divergence: Divergence) -> Any:
    """Chart the parts of a divergence in bits, the largest first; without parts, its value and interval."""
    alt = altair()
    if not divergence.parts:
        return _value_with_interval(alt, divergence)
    rows = [{"part": cut(name), "bits": bits(value)} for name, value in divergence.parts.items()]
    chart = alt.Chart(alt.InlineData(values=rows)).mark_bar(color=GAIN)
    return chart.encode(
        x=alt.X("bits:Q", title="bits"),
        y=alt.Y("part:N", sort=alt.EncodingSortField("bits", order="descending"), title=None),
        tooltip=["part:N", "bits:Q"],
    ).properties(title=f"{divergence.bits:.4g} bits")


def _value_with_interval(alt: Any, divergence: Divergence) -> Any:
    low, high = divergence.interval or (divergence.value, divergence.value)
    row = {"low": bits(low), "high": bits(high if high < float("inf") else divergence.value), "bits": divergence.bits}
    base = alt.Chart(alt.InlineData(values=[row]))
    rule = base.mark_rule(color=GAIN, strokeWidth=2).encode(x=alt.X("low:Q", title="bits"), x2="high:Q")
    return rule + base.mark_point(filled=True, size=80, color=GAIN).encode(x="bits:Q", tooltip=["bits:Q"])


def of_match(panels: Sequence[Any]) -> Any:
    """Chart the panels of a match under each other: bars side by side over levels, lines over points."""
    alt = altair()
    charts = []
    for panel in panels:
        bars = all(isinstance(place, str) for place in panel.places)
        places = [cut(place) for place in panel.places] if bars else [float(place) for place in panel.places]
        rows = [
            {"place": place, "of": name, "share": float(value)}
            for name, values in panel.series.items()
            for place, value in zip(places, values, strict=True)
        ]
        chart = alt.Chart(alt.InlineData(values=rows))
        colour = alt.Color(
            "of:N", sort=list(panel.series), title=None, scale=alt.Scale(range=[CURRENT, REFERENCE, GAIN])
        )
        what = ["place:N" if bars else "place:Q", "of:N", alt.Tooltip("share:Q", format=".4g")]
        if bars:
            turned = alt.Axis(labelAngle=0 if len(places) <= _UPRIGHT else -90)
            x = alt.X("place:N", sort=None, title=panel.name, axis=turned)
            offset = alt.XOffset("of:N", sort=list(panel.series))
            y = alt.Y("share:Q", title="share", axis=alt.Axis(format="%"))
            charts.append(chart.mark_bar().encode(x=x, xOffset=offset, y=y, color=colour, tooltip=what))
        else:
            x, y = alt.X("place:Q", title=panel.name), alt.Y("share:Q", title="density")
            charts.append(chart.mark_line().encode(x=x, y=y, color=colour, tooltip=what))
    return alt.vconcat(*(chart.properties(height=_PANEL_HEIGHT) for chart in charts))


def column_templates() -> dict[str, Mapping[str, Any]]:
    """Return the four charts of a column, to be filled with its levels on the page.

    Two pairs, for bins along a line and for values: the two distributions over each other, and the bits by bin. Charts
    of values get their height, a row each, where they are filled.
    """
    alt = altair()
    levels = alt.Chart(alt.NamedData(name="levels"))
    place = alt.X("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LABEL_WIDTH, labelOverlap="greedy"))
    name = alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LABEL_WIDTH))
    bare = alt.X("label:N", sort=None, title=None, axis=alt.Axis(labels=False, ticks=False))
    aligned = alt.Axis(minExtent=_AXIS_WIDTH, tickCount=3)  # both charts of a column share one left edge
    share = alt.Axis(format="%", tickCount=4, minExtent=_AXIS_WIDTH)
    tooltip = [
        alt.Tooltip("label:N", title="value"),
        alt.Tooltip("reference:Q", format=".3%"),
        alt.Tooltip("current:Q", format=".3%"),
        alt.Tooltip("bits:Q", format=".3g"),
    ]

    def over(position: dict[str, Any], length: str, shares: Any) -> Any:
        filled = levels.mark_bar(color=REFERENCE, opacity=0.55)
        outlined = levels.mark_bar(color=CURRENT, fillOpacity=0.18, stroke=CURRENT, strokeWidth=1.5)
        return filled.encode(**position, **{length: shares("reference:Q")}, tooltip=tooltip) + outlined.encode(
            **position, **{length: shares("current:Q")}, tooltip=tooltip
        )

    gain = levels.mark_bar(color=GAIN)
    upright = over({"x": place}, "y", lambda f: alt.Y(f, title="share of rows", axis=share))
    flat = over({"y": name}, "x", lambda f: alt.X(f, title="share of rows", axis=alt.Axis(format="%", tickCount=4)))
    charts = {
        "line_shares": upright.properties(height=180),
        "line_bits": gain.encode(x=bare, y=alt.Y("bits:Q", title="bits", axis=aligned), tooltip=tooltip).properties(
            height=70
        ),
        "value_shares": flat,
        "value_bits": gain.encode(y=name, x=alt.X("bits:Q", title="bits"), tooltip=tooltip),
    }
    return {
        key: chart.properties(
            width="container", autosize=alt.AutoSizeParams(type="fit-x", contains="padding"), background="transparent"
        ).to_dict()
        for key, chart in charts.items()
    }
