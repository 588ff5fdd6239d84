"""One sentence where torch is absent."""

from __future__ import annotations

from kullback._core.extras import require

require("torch", extra="torch", purpose="fit a distribution to a log-density")
