"""The command line's door: `python -m kullback` and the `kullback` command."""

from __future__ import annotations

import io
import sys
import traceback

from kullback._core.errors import KullbackError
from kullback._core.extras import require

BAD_INPUT, FAULT = 2, 70


def main() -> None:
    """Run the command line.

    An error that kullback raises on purpose, or that the system raises on files, is one sentence and exit code 2. A
    fault of ours shows its trace and exits with 70, because 1 says that the tables differ.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ‖ shows a question mark
    try:
        require("kullback.cli", extra="tables", purpose="use the command line").run(sys.argv[1:])
    except BrokenPipeError:
        sys.exit(BAD_INPUT)
    except (KullbackError, OSError) as error:
        sys.stderr.write(f"kullback: {error}\n")
        sys.exit(BAD_INPUT)
    except Exception:
        traceback.print_exc()
        sys.exit(FAULT)


if __name__ == "__main__":
    main()
