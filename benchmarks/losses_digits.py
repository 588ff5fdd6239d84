"""What the losses do in training, on scikit-learn's digits: autoencoders, a distilled student, a policy pulled back.

Run ``python benchmarks/losses_digits.py`` (a quarter of an hour on one thread): it writes
benchmarks/results/losses_digits.json and losses_digits.md. Every seed is fixed; nats throughout.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.distributions import Categorical, Normal
from torch.nn import functional as F  # noqa: N812

from kullback import losses
from setting import line, setting

RESULTS = Path(__file__).parent / "results"
TEST = 360
LATENT, EPOCHS, WARM_UP, DRAWS = 8, 150, 50, 500
LABELLED, SOFTNESS = 200, 3.0
PRICE, STEPS = 0.2, 2000


def network(*widths: int, dropout: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(a, b), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(*widths[-2:]))


def batches(rows: int, size: int) -> Iterator[Tensor]:
    return iter(torch.randperm(rows).split(size))


def minimise(module: nn.Module, loss: Callable[[Tensor], Tensor], rows: int, epochs: int, size: int = 64) -> None:
    optimiser = torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(epochs):
        for batch in batches(rows, size):
            optimiser.zero_grad()
            loss(batch).backward()
            optimiser.step()
    module.eval()


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    pixels, labels = load_digits(return_X_y=True)
    x, x_test, y, y_test = map(torch.tensor, train_test_split(pixels, labels, test_size=TEST, random_state=0))
    return x.float(), x_test.float(), y, y_test


def autoencoder(train: Tensor, test: Tensor, seed: int, beta: float) -> dict[str, Any]:
    torch.manual_seed(seed)
    model = nn.ModuleList([network(64, 256, 256, 2 * LATENT, dropout=0.1), network(LATENT, 256, 256, 64, dropout=0.1)])
    encoder, decoder = model
    prior = Normal(torch.zeros(LATENT), torch.ones(LATENT))
    schedule = losses.Annealing("linear", steps=WARM_UP * math.ceil(len(train) / 64), end=beta)
    step = iter(range(1 << 30))

    def posterior(x: Tensor) -> Normal:
        mean, log_variance = encoder(x).chunk(2, -1)
        return Normal(mean, torch.exp(0.5 * log_variance))

    def log_likelihood(z: Tensor, x: Tensor) -> Tensor:
        logits = decoder(z)
        return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)

    def loss(batch: Tensor) -> Tensor:
        x = train[batch]
        q = posterior(x)
        return losses.latent_kl(q, prior, beta=schedule(next(step))) - log_likelihood(q.rsample(), x).mean()

    minimise(model, loss, len(train), EPOCHS)
    with torch.no_grad():
        q = posterior(test)
        z = q.sample((DRAWS,))
        fit = log_likelihood(z, test)
        weights = fit + (prior.log_prob(z) - q.log_prob(z)).sum(-1)
        return {
            "minus ELBO": (losses.latent_kl(q, prior) - fit.mean()).item(),
            "NLL": -losses.importance_bound(weights).mean().item(),
            "KL": losses.latent_kl(q, prior).item(),
            "collapsed": losses.collapse(q, prior).collapsed,
            "diagnosis": str(losses.collapse(q, prior)),
        }


def independent_pixels(train: Tensor, test: Tensor) -> float:
    rates = (train.sum(0) + 0.5) / (len(train) + 1)
    return F.binary_cross_entropy(rates.expand_as(test), test, reduction="sum").item() / len(test)


def classifier(x: Tensor, y: Tensor, epochs: int = 60) -> nn.Module:
    model = network(64, 128, 128, 10, dropout=0.2)
    minimise(model, lambda batch: F.cross_entropy(model(x[batch]), y[batch]), len(x), epochs)
    return model.requires_grad_(False)


def scores(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, float]:
    with torch.no_grad():
        logits = model(x)
    return {
        "accuracy": (logits.argmax(-1) == y).float().mean().item(),
        "cross-entropy": F.cross_entropy(logits, y).item(),
    }


def students(x: Tensor, x_test: Tensor, y: Tensor, y_test: Tensor, seed: int) -> dict[str, Any]:
    """The same student, from the same weights, on the same batches: with labels, and with the teacher."""
    torch.manual_seed(seed)
    teacher = classifier(x, y)
    few = torch.randperm(len(x))[:LABELLED]
    x, y = x[few], y[few]
    with torch.no_grad():
        logits = teacher(x)
    start = network(64, 16, 10)
    found = {"teacher": scores(teacher, x_test, y_test)}
    for name in ("hard labels", "distilled"):
        torch.manual_seed(seed)
        student = copy.deepcopy(start)

        def loss(batch: Tensor, name: str = name, student: nn.Module = student) -> Tensor:
            if name == "hard labels":
                return F.cross_entropy(student(x[batch]), y[batch])
            soft = losses.distillation(teacher=logits[batch], student=student(x[batch]), temperature=SOFTNESS)
            return SOFTNESS**2 * soft

        minimise(student, loss, len(x), 300, size=32)
        found[name] = scores(student, x_test, y_test)
    return found


def policies(x: Tensor, y: Tensor, seed: int) -> dict[str, list[float]]:
    """D(policy‖optimum) at the half and the end of descent on price·D(policy‖reference) − reward, by a draw a digit.

    The policy holds logits for each digit and is rewarded for its label, so that the optimum is known: reference times
    e^(reward/price). The gradient of the reward is the same for all; only that of the divergence differs.
    """
    torch.manual_seed(seed)
    weak = network(64, 128, 10)
    minimise(weak, lambda batch: F.cross_entropy(weak(x[batch]), y[batch]), len(x), 2)
    reference = torch.log_softmax(weak(x), -1).detach()
    optimum = reference + F.one_hot(y, 10) / PRICE
    ways: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "k1 differentiated": lambda logp, ref: (logp - ref).sum(),
        "k2 differentiated": lambda logp, ref: ((logp - ref) ** 2 / 2).sum(),
        "k3 differentiated": lambda logp, ref: (torch.expm1(ref - logp) + logp - ref).sum(),
        'policy_kl(estimator="k3", use="loss")': lambda logp, ref: losses.policy_kl(
            logp, ref, estimator="k3", use="loss", reduction="sum"
        ),
    }

    def distance(logits: Tensor) -> float:
        return losses.policy_kl(logits, optimum, estimator="full", use="reward").item()

    found = {}
    for name, divergence in ways.items():
        torch.manual_seed(seed)
        logits = reference.clone().requires_grad_()
        optimiser = torch.optim.Adam([logits], 0.02)
        slower = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, STEPS)
        seen = []
        for step in range(1, STEPS + 1):
            law = Categorical(logits=logits)
            action = law.sample()
            logp = law.log_prob(action)
            advantage = (action == y).float() - law.probs.detach().gather(1, y[:, None])[:, 0]
            optimiser.zero_grad()
            loss = PRICE * divergence(logp, reference.gather(1, action[:, None])[:, 0]) - (advantage * logp).sum()
            loss.backward()
            optimiser.step()
            slower.step()
            if step in (STEPS // 2, STEPS):
                seen.append(distance(logits))
        found[name] = seen
    return {"at the start": [distance(reference)] * 2} | found


def spread(values: list[float], digits: int = 2) -> str:
    return f"{statistics.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def report_of(report: dict[str, Any]) -> str:
    lines = ["# What the losses do in training", "", line(report), ""]
    lines += [
        f"scikit-learn's digits, {report['rows'][0]} rows to train on and {report['rows'][1]} to test. Means, and the "
        "range over seeds, in nats a row.",
        "",
        f"## Autoencoder, {LATENT} latent numbers, pixels of at least 8",
        "",
        f"`latent_kl` with `Annealing` over {WARM_UP} of {EPOCHS} epochs; two layers of 256, dropout .1, Adam. NLL by "
        f"`importance_bound` with {DRAWS} draws. Independent pixels: {report['independent']:.2f}. To reach: −ELBO "
        "18.59, NLL 17.68.",
        "",
        "| β | −ELBO | NLL | KL | `collapse` says |",
        "|---|---|---|---|---|",
    ]
    for beta, runs in report["autoencoder"].items():
        numbers = " | ".join(spread([run[name] for run in runs]) for name in ("minus ELBO", "NLL", "KL"))
        lines.append(f"| {beta} | {numbers} | {runs[0]['diagnosis']} |")
    lines += [
        "",
        f"## A student of 16 hidden units, {LABELLED} digits",
        "",
        f"The same weights and batches to begin with; the teacher saw all {report['rows'][0]} labels. `distillation` "
        f"at temperature {SOFTNESS:g}.",
        "",
        "| seed | teacher | hard labels | distilled | cross-entropy, hard labels | distilled |",
        "|---|---|---|---|---|---|",
    ]
    for seed, run in enumerate(report["students"]):
        shares = " | ".join(f"{run[name]['accuracy']:.1%}" for name in ("teacher", "hard labels", "distilled"))
        entropies = " | ".join(f"{run[name]['cross-entropy']:.3f}" for name in ("hard labels", "distilled"))
        lines.append(f"| {seed} | {shares} | {entropies} |")
    lines += [
        "",
        f"## A policy that pays {PRICE} a nat to leave its reference",
        "",
        "D(policy‖optimum), the optimum being known. Differentiated as they stand, k₁ has no expected gradient: reward "
        "alone carries the policy past the optimum. k₃ has that of the other divergence, and comes to rest elsewhere. "
        "k₂ goes to the optimum, and so does k₃ as `policy_kl` has it.",
        "",
        f"| | after {STEPS // 2} steps | after {STEPS} steps |",
        "|---|---|---|",
    ]
    for name in report["policies"][0]:
        seen = (spread([run[name][k] for run in report["policies"]], 4) for k in (0, 1))
        lines.append(f"| {name} | {' | '.join(seen)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    report: dict[str, Any] = setting()
    torch.set_num_threads(1)
    pixels, pixels_test, y, y_test = digits()
    x, x_test = pixels / 16, pixels_test / 16
    ink, ink_test = (pixels >= 8).float(), (pixels_test >= 8).float()
    report |= {"rows": [len(x), len(x_test)], "independent": independent_pixels(ink, ink_test)}
    report["students"] = [students(x, x_test, y, y_test, seed) for seed in range(options.seeds)]
    report["policies"] = [policies(x, y, seed) for seed in range(options.seeds)]
    report["autoencoder"] = {
        beta: [autoencoder(ink, ink_test, seed, beta) for seed in range(3)] for beta in (1.0, 16.0)
    }
    (RESULTS / "losses_digits.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "losses_digits.md").write_text(report_of(report), encoding="utf-8")
    print(report_of(report))


if __name__ == "__main__":
    main()
