"""Headless Chromium, if the machine has one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Continuous integration installs Chromium and sets this, so that a missing browser fails there and skips elsewhere.
REQUIRED = bool(os.environ.get("KULLBACK_REQUIRE_BROWSER"))

needs_browser = pytest.mark.skipif(
    EXECUTABLE is None and not REQUIRED, reason="no Chromium on this machine: apt install chromium"
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a headless Chromium that asks nothing of the network."""
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*quiet, "--disable-sync"])
        try:
            yield browser
        finally:
            browser.close()
