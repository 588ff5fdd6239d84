"""The weight of a KL term over the course of training."""

from __future__ import annotations

from kullback._core.errors import InputError

from ._rows import check_number

SHAPES = ("linear", "cyclical")


class Annealing:
    """β as a function of the step.

    Parameters
    ----------
    shape : {"linear", "cyclical"}
        Linear: from `start` to `end` within `steps`, then constant (Bowman et al. 2016). Cyclical: again in each of
        `cycles` equal parts of `steps`, rising during `rise` of each (Fu et al. 2019), then constant.
    steps : int
        Length of the schedule.
    start, end : float
        0 and 1 by default.
    cycles : int, default 4
        Of a cyclical schedule.
    rise : float, default 0.5
        Share of each cycle in which β rises, in (0, 1].

    References
    ----------
    S. R. Bowman et al., Generating sentences from a continuous space (CoNLL 2016), section 3.1. H. Fu et al., Cyclical
    annealing schedule (NAACL 2019), eq. 6.

    Examples
    --------
    >>> from kullback import losses
    >>> beta = losses.Annealing("linear", steps=100)
    >>> beta(0), beta(50), beta(1000)
    (0.0, 0.5, 1.0)
    """

    def __init__(
        self,
        shape: str,
        steps: int,
        *,
        start: float = 0.0,
        end: float = 1.0,
        cycles: int = 4,
        rise: float = 0.5,
    ) -> None:
        if shape not in SHAPES:
            raise InputError(f"shape must be one of {', '.join(map(repr, SHAPES))}, got {shape!r}")
        self.shape = shape
        self.steps = check_number(steps, "steps", above=0)
        self.start, self.end = check_number(start, "start", least=0), check_number(end, "end", least=0)
        self.cycles, self.rise = check_number(cycles, "cycles", least=1), check_number(rise, "rise", above=0)
        if self.rise > 1:
            raise InputError(f"rise is a share of a cycle, at most 1, got {rise}")

    def __call__(self, step: float) -> float:
        """Return β at a step, counted from 0."""
        done = check_number(step, "step", least=0) / self.steps
        if done < 1 and self.shape == "cyclical":
            done = min((done * self.cycles) % 1 / self.rise, 1.0)
        return self.start + (self.end - self.start) * min(done, 1.0)
