"""Fixed seeds for every test: what fails here fails for everyone; and workers beside each other share the cores."""

import os

_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _workers > 1:
    # Before NumPy and torch are imported: threads of two workers on the same cores wait for each other.
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_name, str(max((os.cpu_count() or 1) // _workers, 1)))

from hypothesis import settings  # noqa: E402 - after the threads are shared

settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("fixed")
