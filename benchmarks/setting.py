"""Where a benchmark was run: the machine, how busy it was, and the versions; the same line in every report."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np
import scipy
import torch

import kullback as kb
from kullback.arrays._kernels import _native


def setting() -> dict[str, Any]:
    """Take it down before the benchmark begins: on a busy machine a second thread has nowhere to run."""
    busy = f"load average {os.getloadavg()[0]:.1f} when it began"
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, kernels for {_native.instruction_set()}, {busy}",
        "versions": {
            "Python": platform.python_version(),
            "kullback": kb.__version__,
            "NumPy": np.__version__,
            "SciPy": scipy.__version__,
            "torch": torch.__version__,
        },
    }


def line(report: dict[str, Any]) -> str:
    """Write it as a report says it."""
    return f"{report['machine']}; " + ", ".join(f"{k} {v}" for k, v in report["versions"].items()) + "."
