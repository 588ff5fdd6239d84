"""Real tables for the demonstration, from data that ships inside scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kullback._core.extras import require
from kullback._core.units import shown
from kullback.tables import Comparison, compare


@dataclass(frozen=True)
class DemoTables:
    """Two tables that truly differ, and what they are."""

    reference: Any
    current: Any
    story: str

    def compare(self) -> Comparison:
        """Compare the two, under the names of what they hold."""
        return replace(compare(self.reference, self.current), reference="benign samples", current="malignant samples")

    def look_at(self, result: Comparison) -> str:
        """Say what to look at in the result, from the figures themselves."""
        ranked = result.ranked()
        first = ranked[0]
        moved = set(result.alarms)
        same = [d.column for d in ranked if d.column not in moved]
        most = max(first.levels, key=lambda level: level.nats)
        return (
            f"What to look at: '{first.column}' moved most. A malignant sample costs {shown(first.bits, 3)} extra bits "
            f"to write down with a code made for benign ones; most of them come from the bin '{most.label}', which "
            f"holds {most.reference:.0%} of the benign samples and {most.current:.0%} of the malignant ones. "
            + (f"Not changed beyond chance: {', '.join(same)}." if same else "Every column changed.")
        )


def cell_tables() -> DemoTables:
    """Split scikit-learn's breast-cancer data (569 cell samples, 30 measurements) by diagnosis."""
    datasets = require("sklearn.datasets", extra="samples", purpose="make the demonstration's tables")
    pyarrow = require("pyarrow", extra="tables", purpose="make the demonstration's tables")
    data = datasets.load_breast_cancer()
    benign = data.target == list(data.target_names).index("benign")

    def table(rows: Any) -> Any:
        measured = {str(name): data.data[rows, j] for j, name in enumerate(data.feature_names)}
        return pyarrow.table(measured)

    return DemoTables(
        reference=table(benign),
        current=table(~benign),
        story=(
            "Breast-cancer data from scikit-learn: 30 measurements of cell nuclei. "
            f"Reference: {benign.sum()} benign samples. Current: {(~benign).sum()} malignant ones.\n"
        ),
    )
