"""`python -m benchmarks.lists`: what the lists cost, from a thousand jobs to a million, and what the usual ways would.

Loads histories of growing size into Amazon's DynamoDB Local, asks for the same pages at each, compares every answer
with a plain model in memory, and stops at the first that is wrong. Says at the end which limits are exceeded, and
fails where those of read units are. A database that was loaded once is kept, outside the checkout, until the day is
over. Speaks to 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import loader, references, writes
from benchmarks.history import DAY, History
from benchmarks.machine import machine
from benchmarks.progress import say, told
from benchmarks.queries import Wrong, measure, queries, searched, shown
from benchmarks.report import Found, limits, line, too_dear, written
from benchmarks.truth import Truth
from jobyard.model.ids import now_ms
from local.errors import LocalError
from local.template import ROOT

SIZES = (1_000, 10_000)
ALL = (1_000, 10_000, 100_000, 1_000_000)
WORST = 5
OUTPUT, PLOT = ROOT / "benchmarks" / "lists.md", ROOT / "docs" / "lists.png"


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="jobs, e.g. 1000,10000 (the default)")
    sizes, output, plot = ",".join(map(str, ALL)), OUTPUT.relative_to(ROOT), PLOT.relative_to(ROOT)
    every = f"--sizes {sizes} --output {output} --plot {plot}; the two files may be others"
    parser.add_argument("--all", action="store_true", help=every)
    parser.add_argument("--repetitions", type=int, default=5, help="of each query (default: %(default)s)")
    parser.add_argument("--search", type=int, default=100, help="random combinations (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the search (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="a file to write the results to, in Markdown")
    parser.add_argument("--plot", type=Path, help="a PNG to draw them into (fetches matplotlib)")
    arguments = parser.parse_args(given)
    if not (0 < arguments.repetitions <= 100 and 0 <= arguments.search <= 10_000):
        parser.error("up to 100 repetitions, and up to 10000 combinations")
    if arguments.all:
        arguments.sizes = ALL
        arguments.output = arguments.output or OUTPUT
        arguments.plot = arguments.plot or PLOT
    return arguments


def _sizes(given: str) -> tuple[int, ...]:
    sizes = tuple(sorted({int(each) for each in given.split(",")}))
    if not all(100 <= size <= 1_000_000 for size in sizes):
        raise argparse.ArgumentTypeError("sizes are from 100 to 1000000")
    return sizes


def _of_size(size: int, today: int, arguments: argparse.Namespace, found: Found) -> None:
    history = History(size, today)
    with loader.loaded(history) as found.loading[size]:
        say(f"{size:,} jobs: making the plain model")
        truth = Truth.of(history)
        asked = list(queries(history, truth))
        for query in told("Queries", len(asked), ((1, each) for each in asked)):
            result = measure(query, history, truth, arguments.repetitions)
            found.queries.append(result)
            print(line(result), flush=True)
        random = list(searched(history, truth, arguments.search, arguments.seed))
        results = [
            measure(query, history, truth, 1)._replace(name=shown(query))
            for query in told("Search", len(random), ((1, each) for each in random))
        ]
        for result in sorted(results, key=lambda result: -result.units)[:WORST]:
            found.worst.append(result)
            print(line(result), flush=True)
        for referred in references.measured(history, truth):
            found.references.append(referred)
            print(f"| {referred.way}: {referred.name} | {size:,} | {referred.units:,.1f} | {referred.requests:,} |")


def _draw(found: Found, png: Path) -> None:
    made = subprocess.run([ROOT / "scripts" / "env", "bench"], stdin=subprocess.DEVNULL, check=False)
    if made.returncode:
        raise LocalError("matplotlib could not be installed (see above)")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as told_to:
        json.dump(found.lines(), told_to)
        told_to.flush()
        python = ROOT / ".local" / "bench-env" / "bin" / "python"
        subprocess.run([python, ROOT / "benchmarks" / "plot.py", told_to.name, png], check=True)


def _ended(*_: object) -> None:
    raise KeyboardInterrupt


def main(given: Sequence[str] | None = None) -> int:
    arguments = _arguments(given)
    signal.signal(signal.SIGTERM, _ended)
    os.environ["CURSOR_KEY"] = "of this benchmark only"
    command = " ".join(["python -m benchmarks.lists", *(given if given is not None else sys.argv[1:])])
    found = Found(machine("botocore"), time.strftime("%Y-%m-%d", time.gmtime()))
    # The same histories for all of a day: they end with the day before.
    today = now_ms() // DAY * DAY
    try:
        say("Writes of a job's life")
        found.writes = writes.measured()
        for size in arguments.sizes:
            _of_size(size, today, arguments, found)
            # A run that is ended leaves what it has.
            if arguments.output:
                arguments.output.write_text(written(found, command), encoding="utf-8")
            if arguments.plot:
                _draw(found, arguments.plot)
    except KeyboardInterrupt:
        say("\nEnded.")
        return 130
    except (LocalError, Wrong) as error:
        say(f"error: {error}")
        return 1
    if not arguments.output:
        print(f"\n{written(found, command)}")
    print("\n".join(["", *limits(found)]))
    return 1 if too_dear(found.pages) else 0


if __name__ == "__main__":
    sys.exit(main())
