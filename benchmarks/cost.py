"""`python -m benchmarks.cost`: docs/cost.md's tables, of what was counted (benchmarks/life.json) and what AWS asks for.

Beside it stands the same work done as samples and tutorials do it, whose units are found by the same rules. Between a
pair of marks the page is made here, and a test compares; ``MILLISECONDS`` and ``BYTES`` are not counted but assumed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks import ledger, life, prices
from benchmarks.history import DAY, History
from benchmarks.ledger import Index
from benchmarks.life import Life
from benchmarks.loader import reference_item
from benchmarks.prices import Price
from benchmarks.steps import ONCE, TOGETHER, TWICE, Lived
from jobyard.store.items import Attributes, item
from local.template import ROOT, load

PAGE = ROOT / "docs" / "cost.md"
JOBS = 1_000_000
READS, PAGES = 2, 1 / 100
"""Of each job: how often it is looked at, and pages of a list."""

MEMORY_GB = 0.5
MILLISECONDS = {
    "submit": 25,
    "get": 15,
    "list": 40,
    "drive": 35,
    "count": 45,
    "reconcile": 400,
    "work": 1000,
    "usual: submit": 35,
    "usual: get": 25,
    "usual: list": 25_000,
    "usual: status": 25,
}
"""That a warm function is billed for, at 512 MB on arm64."""

BYTES = {"invocation": 1000, "request": 350}
"""Of logs: Lambda's own lines and ours; the gateway's line."""

WINDOWS = {ONCE: 2, TWICE: 1}
"""`CountWindowSeconds` by which a job that works for a second is told so, as a rule."""

MINUTES = 30 * 24 * 60
METRICS = 6

USUAL_INDEXES = {"by-creation": "listedIn", "by-owner": "owner", "by-workflow": "workflowId", "by-status": "status"}
USUAL_STATES = ("SetRunning", "Run", "SetCompleted")
USUAL_LIST = 52_153.5
"""RCU of a week's first page among a million jobs, by Query, filter and COUNT: measured, in benchmarks/lists.md."""


class Line(NamedTuple):
    """``ours`` and ``usual`` are units of a job."""

    what: str
    price: Price
    ours: float
    usual: float


class Idle(NamedTuple):
    what: str
    price: Price
    number: float


def lines(of: Life, lived: Lived | None = None) -> list[Line]:
    """What a job costs, each line units times a price; one that is told as usual, or each of ``lived``."""
    units, lived = of.units, lived or of.units.lives[life.USUAL]
    requests = 1 + READS + PAGES
    by_stream = lived.invoked / lived.jobs
    ours_ms = (
        MILLISECONDS["submit"]
        + READS * MILLISECONDS["get"]
        + PAGES * MILLISECONDS["list"]
        + sum(number * MILLISECONDS[name] for name, number in lived.invocations.items()) / lived.jobs
    )
    usual_ms = (
        MILLISECONDS["usual: submit"]
        + READS * MILLISECONDS["usual: get"]
        + PAGES * MILLISECONDS["usual: list"]
        + 2 * MILLISECONDS["usual: status"]
    )
    ours_rcu = (
        lived.rcu / lived.jobs + READS * units.reads["get"] + PAGES * units.reads["list"] + requests * units.token
    )
    # An item of its own for each status, and none of the messages; the token is checked by itself.
    usual_rcu = READS * 1 + PAGES * USUAL_LIST
    logs = (1 + by_stream + requests, 1 + 2 + requests)
    ours_logs, usual_logs = ((each * BYTES["invocation"] + requests * BYTES["request"]) / 1000 for each in logs)
    return [
        Line("table writes", prices.WRITE, lived.wcu / lived.jobs, usual_writes()),
        Line("table reads", prices.READ, ours_rcu, usual_rcu),
        Line("state machine", prices.TRANSITION, of.transitions, len(USUAL_STATES) + life.ENDS),
        Line("API requests", prices.REQUEST, requests, requests),
        Line("functions, requests", prices.INVOCATION, requests + by_stream + 1, requests + 2 + 1),
        Line("functions, time", prices.GB_SECOND, ours_ms / 1000 * MEMORY_GB, usual_ms / 1000 * MEMORY_GB),
        Line("the work itself, a second", prices.GB_SECOND, MEMORY_GB, MEMORY_GB),
        Line("logs", prices.LOG, ours_logs, usual_logs),
        # One of each function's first in its second, and all of the execution with its work are one.
        Line("traces, all recorded", prices.TRACE, requests + by_stream + 1, 0),
    ]


def usual_writes() -> int:
    """WCU of an item that is put, and changes its status twice, with an index of all attributes for each filter."""
    job = next(iter(History(1_000, 20_000 * DAY).jobs()))
    first = reference_item(job) | item({"status": "queued"})
    images: list[Attributes] = [
        {},
        first,
        first | item({"status": "running", "startedAt": 1}),
        first | item({"status": "completed", "startedAt": 1, "finishedAt": 2}),
    ]
    every = frozenset(name for image in images for name in image)
    indexes = [Index(name, (key, "created"), every) for name, key in USUAL_INDEXES.items()]
    return sum(
        sum(ledger.units(before, after, indexes, transaction=False).values()) for before, after in pairwise(images)
    )


def idle(of: Life) -> list[Idle]:
    """Of a month without a job."""
    resources = [each["Type"] for each in load()["Resources"].values()]
    return [
        Idle("alarms", prices.ALARM, resources.count("AWS::CloudWatch::Alarm")),
        Idle("metrics of our own", prices.METRIC, METRICS),
        Idle("key that seals secrets", prices.KEY, resources.count("AWS::KMS::Key")),
        Idle("secret that signs cursors", prices.SECRET, resources.count("AWS::SecretsManager::Secret")),
        Idle("`reconcile`, requests", prices.INVOCATION, MINUTES),
        Idle("`reconcile`, time", prices.GB_SECOND, MINUTES * MILLISECONDS["reconcile"] / 1000 * MEMORY_GB),
        Idle("`reconcile`, reads", prices.READ, MINUTES * of.units.reconciled),
        Idle("`reconcile`, logs", prices.LOG, MINUTES * BYTES["invocation"] / 1000),
        Idle("`reconcile`, traces", prices.TRACE, MINUTES),
    ]


def sections(of: Life) -> dict[str, str]:
    """What stands between the marks of the page, by their names."""
    every = lines(of)
    ours, usual = (sum(getattr(each, side) * each.price.each for each in every) * JOBS for side in ("ours", "usual"))
    million = [
        "| | Jobyard: units of a job | dollars | the usual design: units | dollars |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {each.what} | {_number(each.ours)} {each.price.unit} | {each.ours * each.price.each * JOBS:,.2f} | "
            f"{_number(each.usual)} {each.price.unit} | {each.usual * each.price.each * JOBS:,.2f} |"
            for each in every
        ),
        f"| **together** | | **{ours:,.2f}** | | **{usual:,.2f}** |",
    ]
    months = idle(of)
    month = [
        "| | units | dollars a month |",
        "|---|---:|---:|",
        *(
            f"| {each.what} | {each.number:,.0f} {each.price.unit} | {each.number * each.price.each:,.2f} |"
            for each in months
        ),
        f"| **together** | | **{sum(each.number * each.price.each for each in months):,.2f}** |",
    ]
    return {
        "life": life.section(of),
        "shared": life.shared(of),
        "million": "\n".join(million),
        "tellings": _tellings(of),
        "idle": "\n".join(month),
        "assumed": "\n".join(
            [
                "| assumed | |",
                "|---|---:|",
                *(f"| {name}, milliseconds warm | {value:,} |" for name, value in MILLISECONDS.items()),
                *(f"| log of each {name}, bytes | {value:,} |" for name, value in BYTES.items()),
            ]
        ),
        "prices": "\n".join(
            [
                "| | dollars | from |",
                "|---|---:|---|",
                *(f"| {each.what} | {each.told} | {each.source} |" for each in prices.EVERY),
            ]
        ),
        "where": f"Counted {of.day}, prices of {prices.DAY}.",
    }


def _tellings(of: Life) -> str:
    """A million jobs by the window, which decides how count is told of a job of a second, and by who else has jobs."""
    every = {"alone": of.units.lives, **of.units.shared}
    heads = [f"`CountWindowSeconds={seconds}`: told {telling}" for telling, seconds in WINDOWS.items()]
    rows = [f"| each job alone, or with others: {TOGETHER} of | {' | '.join(heads)} |", "|---|---:|---:|"]
    for company, lives in every.items():
        dollars = (sum(each.ours * each.price.each for each in lines(of, lives[telling])) * JOBS for telling in WINDOWS)
        rows.append(f"| {company} | {' | '.join(f'{each:,.2f}' for each in dollars)} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.3g}"


def filled(page: str, of: Life) -> str:
    """``page`` with what stands between its marks made anew."""
    for name, text in sections(of).items():
        head, begin, rest = page.partition(f"<!-- {name} -->")
        _, end, tail = rest.partition("<!-- end -->")
        if not begin or not end:
            raise ValueError(f"{PAGE.name} has no marks of the name {name}")
        page = f"{head}{begin}\n{text}\n{end}{tail}"
    return page


def main(given: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__).parse_args(given)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), life.kept()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
