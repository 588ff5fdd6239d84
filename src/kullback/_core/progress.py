"""How far a long computation is: a bar that appears once it has taken a while, or the caller's own callable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .extras import require

Progress = Callable[[int, int], None]

_SILENT = 2.0  # seconds


@contextmanager
def reporter(progress: bool | Progress | None, what: str) -> Iterator[Progress | None]:
    """Turn the option `progress` into what is called with how much is done and how much there is; None where silent.

    Parameters
    ----------
    progress : bool or callable, optional
        True shows a bar once 2 s have passed.
    what : str
        What is counted, beside the bar.
    """
    if progress is None or progress is False:
        yield None
    elif progress is not True:
        yield progress
    else:
        bars = require("rich.progress", extra="tables", purpose="show a progress bar")
        with bars.Progress(transient=True, auto_refresh=True, disable=False) as shown:
            task = shown.add_task(what, visible=False)

            def report(done: int, total: int) -> None:
                late = (shown.get_time() - (shown.tasks[0].start_time or 0.0)) > _SILENT
                shown.update(task, completed=done, total=total, visible=late)

            yield report
