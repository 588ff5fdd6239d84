"""A log-density by minibatches, as one that stays the same until another minibatch is dealt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Batches:
    """A log-density of a minibatch, which stays the same until another is dealt.

    Parameters
    ----------
    function : callable
        From points and a numpy.random.Generator, which chooses the minibatch, to an unbiased log-density.
    """

    def __init__(self, function: Callable[[Any, np.random.Generator], Any]) -> None:
        self.function, self.seed = function, 0

    def __call__(self, x: Any) -> Any:
        """Return the log-density of points by the minibatch in hand."""
        return self.function(x, np.random.default_rng(self.seed))

    def deal(self, rng: np.random.Generator) -> None:
        """Take another minibatch."""
        self.seed = int(rng.integers(2**62))
