"""The command line's door: `python -m kullback` and the `kullback` command."""

from __future__ import annotations

import sys

from kullback._core.errors import KullbackError
from kullback._core.extras import require


def main() -> None:
    """Run the command line; an error that kullback raises on purpose is one sentence and exit code 2."""
    try:
        run = require("kullback.cli", extra="tables", purpose="use the command line").run
        run(sys.argv[1:])
    except KullbackError as error:
        sys.stderr.write(f"kullback: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
