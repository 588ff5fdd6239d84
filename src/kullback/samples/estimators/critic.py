"""log p/q by a small neural network: for samples that no formula fits and trees cut too coarsely."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.errors import MissingExtra
from kullback._core.extras import require
from kullback.samples.crossfit import cross_fitted, too_few
from kullback.samples.free import FreeLearner
from kullback.samples.logistic import LARGEST
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

Floats = NDArray[np.float64]

NAME = "neural critic"
AUTO = False
_WIDTH = 32
_EPOCHS = 30
_BATCHES = 4  # an epoch
_PATIENCE = 5  # epochs without a better loss on the rows held back
_HELD_BACK = 6  # one row of so many
_RATE = 1e-2
_REACH = 30.0


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    try:
        _torch()
    except MissingExtra as missing:
        return str(missing)
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats: the logit of a network that tells the samples apart, stopped early, cross-fitted."""
    return cross_fitted(problem, _Learner(problem, int(rng.integers(2**31))), rng, confidence)


def _torch() -> Any:
    return require("torch", extra="torch", purpose="train a neural critic")


class _Learner(FreeLearner):
    def __init__(self, problem: Problem, seed: int) -> None:
        super().__init__(problem)
        self._seed = seed

    def judgements(self, x: Floats, y: Floats, new_x: Floats, new_y: Floats) -> tuple[Floats, Floats]:
        """Train a network of two hidden layers until rows held back are judged no better."""
        torch = _torch()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            network = self._trained(torch, x, y)

        def judged(rows: Floats) -> Floats:
            with torch.no_grad():
                logits = network(_tensor(torch, rows))[:, 0].double().numpy()
            return np.asarray(np.clip(logits, -LARGEST, LARGEST))

        return judged(new_x), judged(new_y)

    def _trained(self, torch: Any, x: Floats, y: Floats) -> Any:
        nn = torch.nn
        network = nn.Sequential(
            nn.Linear(x.shape[1], _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, 1)
        )
        kept, back = [], []
        for z in (x, y):
            place = torch.randperm(len(z))
            held = max(1, len(z) // _HELD_BACK)
            back.append(_tensor(torch, z)[place[:held]])
            kept.append(_tensor(torch, z)[place[held:]])

        def loss(of_x: Any, of_y: Any) -> Any:
            """Both samples weigh alike, so that the logit is log p/q."""
            return nn.functional.softplus(-network(of_x)).mean() + nn.functional.softplus(network(of_y)).mean()

        optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-2)
        best, state, since = float("inf"), network.state_dict(), 0
        for _ in range(_EPOCHS):
            dealt = [z[torch.randperm(len(z))].chunk(_BATCHES) for z in kept]
            for of_x, of_y in zip(*dealt, strict=False):  # of few rows, one sample may give a batch less
                optimizer.zero_grad()
                loss(of_x, of_y).backward()
                optimizer.step()
            with torch.no_grad():
                now = float(loss(*back))
            if now < best:
                best, since = now, 0
                state = {name: value.clone() for name, value in network.state_dict().items()}
            else:
                since += 1
                if since == _PATIENCE:
                    break
        network.load_state_dict(state)
        return network


def _tensor(torch: Any, rows: Floats) -> Any:
    return torch.as_tensor(np.clip(rows, -_REACH, _REACH), dtype=torch.float32)
