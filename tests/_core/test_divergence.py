"""The noun: frozen, honest about itself, and the same after a trip through JSON."""

from __future__ import annotations

import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback import Divergence, InputError

FINITE = st.floats(0, 1e6)


def example(**changes: object) -> Divergence:
    fields: dict[str, object] = {
        "value": 0.5,
        "error": 0.1,
        "interval": (0.3, 0.7),
        "confidence": 0.95,
        "method": "a method",
        "parts": {"a": 0.4, "<b>": 0.1},
        "caveats": ("A caveat.",),
    }
    return Divergence(**(fields | changes))  # type: ignore[arg-type]


def test_units() -> None:
    d = example()
    assert float(d) == d.nats == d.value == 0.5
    assert d.bits == pytest.approx(0.5 / math.log(2), rel=1e-15)


def test_it_is_frozen() -> None:
    d = example()
    with pytest.raises(AttributeError):
        d.value = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        d.parts["a"] = 1.0  # type: ignore[index]


@given(value=FINITE, error=FINITE, low=FINITE, high=st.one_of(FINITE, st.just(math.inf)))
def test_it_survives_json_and_pickle(value: float, error: float, low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    d = Divergence(value, error, (low, high), 0.9, "m", {"all": value}, ("c",))
    assert Divergence.from_dict(json.loads(json.dumps(d.to_dict(), allow_nan=False))) == d
    assert pickle.loads(pickle.dumps(d)) == d
    assert hash(pickle.loads(pickle.dumps(d))) == hash(d)


def test_a_p_value_travels_and_is_shown() -> None:
    d = example(p_value=0.002)
    assert Divergence.from_dict(json.loads(json.dumps(d.to_dict()))) == d != example()
    assert "p-value of P = Q" in d._repr_html_()
    assert "p-value" not in example()._repr_html_()


def test_infinite_value_survives_json() -> None:
    d = Divergence(math.inf, parts={"never": math.inf})
    assert Divergence.from_dict(json.loads(json.dumps(d.to_dict(), allow_nan=False))) == d


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": -1e-9}, "at least 0"),
        ({"value": math.nan}, "at least 0"),
        ({"error": -1.0}, "error is at least 0"),
        ({"interval": (0.7, 0.3)}, "ordered"),
        ({"interval": (-0.1, 0.3)}, "ordered"),
        ({"interval": None}, "come together"),
        ({"confidence": 1.0}, "strictly between"),
        ({"parts": {"a": 0.4}}, "sum to 0.4"),
        ({"p_value": 1.5}, "p-value lies between 0 and 1"),
        ({"p_value": math.nan}, "p-value lies between 0 and 1"),
    ],
)
def test_bad_fields_raise(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        example(**changes)


def test_from_dict_names_what_is_wrong() -> None:
    data = example().to_dict()
    with pytest.raises(InputError, match="unit"):
        Divergence.from_dict(data | {"unit": "bits"})
    del data["method"]
    with pytest.raises(InputError, match="'method' is missing"):
        Divergence.from_dict(data)


def test_repr_says_value_interval_and_method() -> None:
    assert repr(example()) == "Divergence(0.5 nats, 95% [0.3, 0.7], a method, 1 caveat)"
    assert "≥ 0.3" in repr(example(interval=(0.3, math.inf)))
    assert "± 0.1" in repr(example(interval=None, confidence=None))


def test_html_escapes_names() -> None:
    assert "&lt;b&gt;" in example()._repr_html_()
    assert "<b>" not in example()._repr_html_()


def test_rich_repr_shows_parts_and_caveats() -> None:
    from rich.console import Console

    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(example())
    text = console.export_text()
    console.file.close()
    assert "0.7213 bits" in text
    assert "<b>" in text
    assert "A caveat." in text


@pytest.mark.parametrize("changes", [{}, {"parts": {}}, {"parts": {}, "interval": (0.3, math.inf)}])
def test_plot_is_a_chart_of_the_figures(changes: dict[str, object]) -> None:
    spec = example(**changes).plot().to_dict()
    assert "0.72" in json.dumps(spec) or "0.577" in json.dumps(spec)
