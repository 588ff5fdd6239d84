"""The command line: `kullback compare` and `kullback demo`."""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kullback import __version__
from kullback._core.errors import InputError
from kullback._core.text import cut
from kullback._core.units import shown
from kullback.demo import cell_tables
from kullback.tables import Comparison, compare
from kullback.tables.comparison import interval_text

FINE, DRIFT, INTERRUPTED = 0, 1, 130

_TABLE = "path or glob of Parquet, CSV, JSON-lines or Arrow files"
Reference = Annotated[str, typer.Argument(help=f"The table to measure from: {_TABLE}.")]
Current = Annotated[str, typer.Argument(help=f"The table that may have moved: {_TABLE}.")]
Columns = Annotated[
    list[str] | None, typer.Option("--columns", "-c", help="Compare these only: A,B,C, or once for each.")
]
Weights = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column that holds row weights.")]
Bins = Annotated[int, typer.Option(help="Bins of equal reference share for numbers and dates, at the most.")]
Confidence = Annotated[float, typer.Option(help="Coverage of intervals; marks err at the rate that is left.")]
FailAbove = Annotated[
    float | None,
    typer.Option(metavar="BITS", help="Exit with 1 if a column is above this even at its interval's lower end."),
]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report, one self-contained page.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures; - to standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]

app = typer.Typer(
    name="kullback",
    help="How far is one table from another, column by column, in bits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Sequence[str]) -> None:
    """Run the command line and exit: 0 fine, 1 drift above the gate, 2 bad usage or input."""
    app(list(arguments), prog_name="kullback")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """How far is one table from another, column by column, in bits."""


@app.command("compare")
def compare_command(
    reference: Reference,
    current: Current,
    columns: Columns = None,
    weights: Weights = None,
    bins: Bins = 20,
    confidence: Confidence = 0.95,
    fail_above: FailAbove = None,
    html: Html = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Say how far CURRENT is from REFERENCE: D(current‖reference) for every column, in bits, with intervals.

    The value of a column is the extra bits per row paid when its current values are coded with a model of the
    reference. A dot marks the columns that changed beyond chance. Exit code: 0 fine, 1 above the gate, 2 bad input.
    """
    if fail_above is not None and not fail_above >= 0:
        raise InputError(f"--fail-above must be at least 0 bits, got {fail_above}")
    to_stdout = str(json_file) == "-"
    outputs = [path for path in (html, None if to_stdout else json_file) if path is not None]
    _check_outputs(outputs, inputs=(reference, current))
    with _interruptible(), _progress_bar(quiet) as progress:
        result = compare(
            reference,
            current,
            columns=_listed(columns),
            weights=weights,
            bins=bins,
            confidence=confidence,
            progress=progress,
        )
    # Everything is made before anything is written, so that no output is left alone.
    figures = json.dumps(result.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) if json_file else ""
    page = result.to_html() if html else ""
    if to_stdout:
        typer.echo(figures)
    elif not quiet:
        Console().print(result)
    if json_file is not None and not to_stdout:
        write_atomically(json_file, figures + "\n")
    if html is not None:
        write_atomically(html, page)
    raise typer.Exit(_gate(result, fail_above))


@app.command("demo")
def demo_command(
    html: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the report.")] = Path("kullback-demo.html"),
) -> None:
    """Compare two real tables, cell nuclei of benign and of malignant samples, and write the report."""
    _check_outputs([html], inputs=())
    tables = cell_tables()
    result = tables.compare()
    console = Console()
    console.print(tables.story)
    console.print(result)
    write_atomically(html, result.to_html())
    console.print(tables.look_at(result), highlight=False)
    console.print(f"The report, with every distribution drawn: {html}", highlight=False, soft_wrap=True)


def _listed(columns: list[str] | None) -> list[str] | None:
    """Take repeated options as they are, and a single one apart at its commas."""
    if columns and len(columns) == 1:
        return [name for name in columns[0].split(",") if name]
    return columns


def _gate(result: Comparison, gate: float | None) -> int:
    if gate is None:
        return FINE
    console = Console(stderr=True)
    if not result.columns:
        console.print(f"Above the gate: {result.findings[0] if result.findings else 'nothing was compared.'}")
        return DRIFT
    above = result.above(gate)
    for d in above:
        line = f"Above the gate of {gate:g} bits: {cut(d.column)}, {shown(d.bits, 3)} bits ({interval_text(d)})"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return DRIFT if above else FINE


@contextmanager
def _interruptible() -> Iterator[None]:
    """Leave at Ctrl-C with a code of its own: 1 would say that the tables differ."""
    try:
        yield
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted: nothing was written")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _progress_bar(quiet: bool) -> Iterator[Any]:
    """Show columns done on a terminal; elsewhere, nothing."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*shown, console=console, transient=True) as bar:
        task = bar.add_task("columns", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _check_outputs(paths: Sequence[Path], inputs: Sequence[str]) -> None:
    """Refuse files that cannot be written, or that would overwrite each other or a table, before any work is done."""
    taken = {Path(name).resolve() for given in inputs for name in [given, *glob.glob(given, recursive=True)]}
    for path in paths:
        if path.is_dir():
            raise InputError(f"{str(path)!r} is a folder: give the name of a file")
        if str(path) == "-" or (path.exists() and not path.is_file()):
            raise InputError(f"{str(path)!r} is not a file that can be written whole: give the name of a file")
        folder = path.absolute().parent
        if not folder.is_dir():
            raise InputError(f"{str(path)!r} cannot be written: its folder does not exist")
        if not os.access(folder, os.W_OK):
            raise InputError(f"{str(path)!r} cannot be written: its folder is read-only")
        if path.resolve() in taken:
            raise InputError(f"{str(path)!r} would overwrite a table or another output: give another name")
        taken.add(path.resolve())


def _umask() -> int:
    """Read the mask of new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_atomically(path: Path, text: str) -> None:
    """Write a file whole or not at all: into a neighbour first, then renamed over the old one."""
    descriptor, neighbour = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(neighbour, 0o666 & ~_umask())
        os.replace(neighbour, path)
    except BaseException:
        Path(neighbour).unlink(missing_ok=True)
        raise
