"""KL as a training signal, for PyTorch: in nats, every divergence at least 0, and 0 where the distributions agree.

A loss is a file of this folder, named after it.
"""

from __future__ import annotations

from . import _torch  # noqa: F401  (first: it says what to install where torch is absent)
from .adaptive import AdaptiveCoefficient
from .adversarial import Adversarial, adversarial
from .annealing import Annealing
from .confidence_penalty import confidence_penalty
from .consistency import consistency
from .distillation import distillation
from .fisher import fisher_vector_product
from .information_bottleneck import information_bottleneck
from .latent_kl import latent_kl, latent_kl_error
from .latent_reports import Bound, Collapse, collapse, decompose_bound, decompose_kl, importance_bound
from .linear_distillation import linear_distillation
from .multilabel_kl import multilabel_kl
from .policy_kl import policy_kl
from .soft_cross_entropy import soft_cross_entropy
from .sparsity_kl import sparsity_kl
from .topk_distillation import topk_distillation
from .weight_kl import local_reparameterization, weight_kl

__all__ = [
    "AdaptiveCoefficient",
    "Adversarial",
    "Annealing",
    "Bound",
    "Collapse",
    "adversarial",
    "collapse",
    "confidence_penalty",
    "consistency",
    "decompose_bound",
    "decompose_kl",
    "distillation",
    "fisher_vector_product",
    "importance_bound",
    "information_bottleneck",
    "latent_kl",
    "latent_kl_error",
    "linear_distillation",
    "local_reparameterization",
    "multilabel_kl",
    "policy_kl",
    "soft_cross_entropy",
    "sparsity_kl",
    "topk_distillation",
    "weight_kl",
]
