"""The JavaScript that draws charts, bundled so that a report needs no network."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kullback._core.extras import require


def bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script.

    Bundling takes a second, so the script is kept in the user's cache folder, by version.
    """
    converter = require("vl_convert", extra="tables", purpose="embed charts in a page")
    kept = _cache_folder() / f"vega-bundle-{converter.__version__}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except OSError:  # not kept yet, or not readable
        script: str = converter.javascript_bundle()
    # A script must not close the element that holds it.
    script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    _keep(kept, script)
    return script


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "kullback"


def _keep(path: Path, script: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, neighbour = tempfile.mkstemp(dir=path.parent)
    except OSError:
        return  # a read-only home keeps nothing: the next report bundles again
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(script)
        os.replace(neighbour, path)
    except OSError:
        Path(neighbour).unlink(missing_ok=True)  # a full disk keeps nothing either
