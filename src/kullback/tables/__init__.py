"""Tables: how far the current one is from the reference, column by column."""

from .column import ColumnDivergence, Level
from .compare import compare
from .comparison import Comparison

__all__ = ["ColumnDivergence", "Comparison", "Level", "compare"]
