"""The report as a reader sees it: in a browser, on a phone, in the dark, with hostile data, without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import kullback as kb
from browser import chromium, needs_browser
from kullback.report.page import _inert
from kullback.tables import Comparison

HOSTILE = [
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 2</script>",
    '"><img src=x onerror="window.hacked=3">',
    "{{ 7 * 7 }} {% raw %}",
    "datum['x'] + window.hacked",
    "line\nbreak\ttab",
    "\u202egnp.exe",
    "שלום עולם",
    "👩\u200d🔬 café",
    "x" * 10_000,
    "",
]


ALL_DRAWN = "document.querySelectorAll('[data-drawn]').length === document.querySelectorAll('.chart').length"


def hostile_comparison() -> Comparison:
    rng = np.random.default_rng(0)

    def table(shift: float) -> pa.Table:
        names = dict.fromkeys(name or " " for name in HOSTILE)
        columns: dict[str, Any] = {name: rng.choice(HOSTILE, size=800) for name in names}
        columns["plain number"] = np.where(rng.random(800) < 0.1, np.nan, rng.normal(shift, 1, size=800))
        columns["when"] = np.datetime64("2026-01-01") + rng.integers(0, 90, size=800)
        columns["new values"] = rng.choice(["a", "b"] if not shift else ["a", "b", "c"], size=800)
        return pa.table(columns)

    last = table(0).append_column("dropped </script>", pa.array(range(800)))
    return kb.compare(last, table(0.7))


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return hostile_comparison()


@pytest.fixture(scope="module")
def page_path(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(comparison.to_html(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def opened(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str], list[str]]:
    """Open the page; everything it logs and everything it asks of a network is kept."""
    page = browser.new_page(**options)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, said, [url for url in asked if url != path.as_uri()]


def test_page_is_self_contained(page_path: Path) -> None:
    text = page_path.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r'<(?:script|link|img|iframe)[^>]+(?:src|href)\s*=\s*["\']?http', text)


def test_data_cannot_end_its_element(comparison: Comparison) -> None:
    text = _inert({"x": [*HOSTILE, "\u2028", "]]>", "<!--"]})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)["x"][:11] == HOSTILE


@needs_browser
@pytest.mark.browser
def test_what_is_seen_is_what_was_measured(browser: Any, page_path: Path, comparison: Comparison) -> None:
    page, said, asked = opened(browser, page_path)
    rows = page.locator("#ranking tbody tr")
    assert rows.count() == len(comparison.columns)
    ranked = comparison.ranked()
    for place in (0, len(ranked) - 1):
        cells = rows.nth(place).locator("td").all_inner_texts()
        assert float(cells[3]) == pytest.approx(ranked[place].bits, rel=5e-3, abs=1e-12)
        assert (cells[0] == "●") == (ranked[place].column in comparison.alarms)
    assert page.get_by_text("dropped </script>", exact=False).count() == 1
    assert page.get_by_text("How to read this").is_visible()
    assert (said, asked) == ([], [])
    page.close()


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_without_errors(
    browser: Any, page_path: Path, comparison: Comparison, scheme: str
) -> None:
    page, said, asked = opened(browser, page_path, color_scheme=scheme)
    page.evaluate("drawAll(false)")
    page.wait_for_function(ALL_DRAWN)
    assert page.locator(".chart svg").count() == 2 * len(comparison.columns)
    bars = page.locator("#column-1 .chart").first.locator("svg .mark-rect path")
    assert bars.count() == 2 * len(comparison.ranked()[0].levels)
    assert (said, asked) == ([], [])
    assert page.evaluate("window.hacked") is None
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 30)")
    page.close()


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 360, 390])
def test_it_fits_a_phone(browser: Any, page_path: Path, width: int) -> None:
    page, said, _ = opened(browser, page_path, viewport={"width": width, "height": 740})
    page.evaluate("drawAll(false)")
    page.wait_for_function(ALL_DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    page.close()


@needs_browser
@pytest.mark.browser
def test_figures_unfold(browser: Any, page_path: Path, comparison: Comparison) -> None:
    page, said, _ = opened(browser, page_path)
    place = next(i for i, d in enumerate(comparison.ranked()) if d.column == "new values")
    page.locator(f"#column-{place + 1} summary").click()
    rows = page.locator(f"#column-{place + 1} details tr")
    rows.first.wait_for()
    assert rows.count() == len(comparison.columns["new values"].levels) + 1
    assert rows.nth(1).locator("td").first.inner_text() == comparison.columns["new values"].levels[0].label
    assert page.locator(f"#column-{place + 1} .note").first.inner_text().startswith("29.75% of the current rows")
    assert said == []
    page.close()


def test_a_hundred_columns_stay_small() -> None:
    rng = np.random.default_rng(1)
    tables = [pa.table({f"c{i}": rng.normal(size=3000) for i in range(100)}) for _ in range(2)]
    assert len(kb.compare(*tables).to_html().encode()) < 2_000_000


def test_no_columns_is_a_page_too() -> None:
    result = kb.compare(pa.table({"a": [1]})[:0], pa.table({"b": [1]})[:0])
    assert "nothing was compared" in result.to_html()
