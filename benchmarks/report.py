"""The results, in Markdown, with how to repeat them; and the lines of the plot."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.queries import COMMON, LIMIT, MANY, OTHER, Measured
from benchmarks.references import ONE_INDEX, SCAN, Referred
from benchmarks.writes import COUNTING, JOB, Written

LIMITS = {COMMON: 15.0, OTHER: 60.0, MANY: math.inf}
"""Read units that a page of 50 may cost."""

TRIPS, RATIO = 4, 2.0
"""Of common queries: round trips; and how many times as dear a full page must not be at one size as at another."""

MOST = 1_000_000
"""The jobs of the largest list that is to be measured."""

BUYS = {
    "table": "the job, its listing, and the rows that count it",
    "all-by-creation": "no filter, in order of creation; most of what a filter leaves",
    "who-by-creation": "the same of one user",
    "what-by-creation": "the same of one workflow, and by the names of workflows",
    "all-cells-by-creation": "by status and priority, whether asked for or sorted by",
    "who-cells-by-creation": "the same of one user",
    "what-cells-by-creation": "the same of one workflow",
    "both-cells-by-creation": "a user's jobs of one workflow",
    "all-cells-by-end": "by completion",
    "who-cells-by-end": "the same of one user",
    "what-cells-by-end": "the same of one workflow",
    "both-cells-by-end": "the same of a user's jobs of one workflow",
    "jobs-live": "what reconcile looks after",
    "jobs-waiting": "what the dispatcher takes jobs from",
}


@dataclass
class Found:
    """``loading``: the seconds that it took for each size; None where the database was kept from a run before."""

    machine: str
    day: str
    loading: dict[int, float | None] = field(default_factory=dict)
    queries: list[Measured] = field(default_factory=list)
    worst: list[Measured] = field(default_factory=list)
    references: list[Referred] = field(default_factory=list)
    writes: list[Written] = field(default_factory=list)

    @property
    def pages(self) -> list[Measured]:
        return [*self.queries, *self.worst]

    def lines(self) -> dict[str, list[tuple[int, float]]]:
        """Of the plot: names, and for each size the units of the dearest query."""
        drawn: dict[str, dict[int, float]] = {}
        common = (each for each in self.queries if each.kind == COMMON)
        every = ((each.size, each.units) for each in self.pages)
        for name, points in (
            ("Jobyard, common queries (the dearest)", ((each.size, each.units) for each in common)),
            ("Jobyard, any query (the dearest found)", every),
            *(
                (f"{way} (a week, page 1)", ((each.size, each.units) for each in self._of(way)))
                for way in (ONE_INDEX, SCAN)
            ),
        ):
            of_name = drawn.setdefault(name, {})
            for size, units in points:
                of_name[size] = max(of_name.get(size, 0), units)
        return {name: sorted(points.items()) for name, points in drawn.items()}

    def _of(self, way: str) -> Iterable[Referred]:
        return (each for each in self.references if each.way == way and each.name.startswith("a week"))


HEAD = (
    "| query | jobs | RCU | requests | trips | median ms | p95 ms | rows | total |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def line(of: Measured) -> str:
    return (
        f"| {of.name} | {of.size:,} | {of.units:.1f} | {of.requests} | {of.trips} | {of.median_ms:.0f} | "
        f"{of.p95_ms:.0f} | {of.rows} | {of.total:,} |"
    )


def over(of: Iterable[Measured]) -> list[str]:
    """What is beyond the limits, a line each."""
    every = list(of)
    found = too_dear(every)
    for name, sizes in _by_name(each for each in every if each.kind == COMMON).items():
        trips, full = max(each.trips for each in sizes), [each for each in sizes if each.rows == LIMIT]
        if trips > TRIPS:
            found.append(f"{name}: {trips} trips, where {TRIPS} are the limit")
        if full and ratio(full) >= RATIO:
            found.append(f"{name}: {ratio(full):.1f} times as dear at one size as at another")
    return found


def too_dear(of: Iterable[Measured]) -> list[str]:
    """Of what is beyond the limits, that which a run fails for: units are exact, but trips depend on who runs when."""
    found = []
    for name, sizes in _by_name(of).items():
        units, limit = max(each.units for each in sizes), LIMITS.get(sizes[0].kind, LIMITS[OTHER])
        if units > limit:
            found.append(f"{name}: {units:.1f} RCU, where {limit:.0f} are the limit")
    return found


def limits(found: Found) -> list[str]:
    """Lines of the report, and the last that a run prints."""
    broken = over(found.pages)
    return [
        f"Limits: {LIMITS[COMMON]:.0f} RCU for a common query, {LIMITS[OTHER]:.0f} for any other but {MANY},",
        "or a run fails.",
        f"Told only: {TRIPS} trips for a common query, and for its full pages less than {RATIO:.0f} times the RCU at",
        "one size as at another.",
        "",
        *(["Beyond the limits:", "", *(f"- {each}" for each in broken)] if broken else ["All are within the limits."]),
    ]


def ratio(sizes: Iterable[Measured]) -> float:
    """Of the dearest size to the cheapest, among those that show as many rows; 1 where there is but one."""
    of = list(sizes)
    rows = max(each.rows for each in of)
    units = [each.units for each in of if each.rows == rows]
    return max(units) / min(units)


def written(found: Found, command: str) -> str:
    return "\n".join(
        [
            "# What lists cost",
            "",
            f"{found.machine}; {found.day}.",
            "",
            "Read units (RCU) are Amazon's DynamoDB Local's own accounting, and so are those of AWS; milliseconds are",
            "this machine's, and say nothing about AWS. Every answer was compared with a plain model in memory. Trips",
            "are requests that came one after the other; a page is of 50.",
            "",
            f"    {command}",
            "",
            "How to repeat it: `make bench-lists ARGS=--all`, which writes this file and the plot. Without `--all`",
            "it takes two small sizes, in a few minutes, and prints only. The history is made by",
            "`benchmarks/history.py`, of one shape at every size, from a seed.",
            "",
            *_loading(found),
            *_unmeasured(found),
            "## Summary",
            "",
            *_summary(found),
            "",
            *limits(found),
            "",
            "![RCU against the number of jobs](../docs/lists.png)",
            "",
            "## Writes of a job's life",
            "",
            *_writes(found.writes),
            "",
            "## The usual ways, on the same jobs",
            "",
            "| way | query | jobs | RCU | requests of 1 MB | ms here | rows | total |",
            "|---|---|---:|---:|---:|---:|---:|---:|",
            *(
                f"| {each.way} | {each.name} | {each.size:,} | {each.units:,.1f} | {each.requests:,} | "
                f"{each.ms:,.0f} | {each.rows} | {each.total:,} |"
                for each in found.references
            ),
            "",
            "## The dearest of random combinations",
            "",
            HEAD,
            *map(line, found.worst),
            "",
            "## Every query",
            "",
            HEAD,
            *(line(each) for sizes in _by_name(found.queries).values() for each in sizes),
            "",
        ]
    )


def _loading(found: Found) -> list[str]:
    if not found.loading:
        return []
    return [
        "| jobs | seconds to load them |",
        "|---:|---:|",
        *(
            f"| {size:,} | {'kept from a run before' if seconds is None else f'{seconds:,.0f}'} |"
            for size, seconds in found.loading.items()
        ),
        "",
    ]


def _unmeasured(found: Found) -> list[str]:
    most = max((each.size for each in found.queries), default=0)
    if most >= MOST:
        return []
    return [
        f"**The largest list here has {most:,} jobs. {MOST:,} were not measured in this run**:",
        "`make bench-lists ARGS=--all` does.",
        "",
    ]


def _summary(found: Found) -> list[str]:
    sizes = sorted({each.size for each in found.queries})
    rows = [
        f"| query | {' | '.join(f'{size:,}' for size in sizes)} | ratio | trips |",
        f"|---|{'---:|' * (len(sizes) + 2)}",
    ]
    classes: dict[str, list[Measured]] = {}
    for each in found.queries:
        classes.setdefault(each.name.partition(", page")[0], []).append(each)
    for name, of in classes.items():
        units = {size: max((each.units for each in of if each.size == size), default=math.nan) for size in sizes}
        flat = max(ratio(each) for each in _by_name(of).values())
        trips = max(each.trips for each in of)
        rows.append(f"| {name} | {' | '.join(f'{units[size]:.1f}' for size in sizes)} | {flat:.1f} | {trips} |")
    return [
        "The most RCU of a class's pages at each size, the greatest ratio between two sizes of one query (of those",
        "that show as many rows), and the most trips.",
        "",
        *rows,
    ]


def _writes(found: list[Written]) -> list[str]:
    if not found:
        return []
    one = found[0]
    parts: dict[str, float] = {}
    for of in one.units.values():
        for name, units in of.items():
            parts[name] = parts.get(name, 0) + units
    return [
        "Write units (WCU) of one job from its submission to its completion, by DynamoDB's rules over what was written",
        "(`benchmarks/ledger.py` has them, and why DynamoDB Local's own sum, beside it, is not used).",
        "",
        "| jobs, and how the stream tells of them | the job itself | listing and counts | together | by the engine |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {each.what} | {sum(each.units[JOB].values()):.1f} | {sum(each.units[COUNTING].values()):.1f} | "
            f"{each.total:.1f} | {each.by_engine:.1f} |"
            for each in found
        ),
        "",
        f"What each buys ({one.what}):",
        "",
        "| table or index | WCU | is read for |",
        "|---|---:|---|",
        *(f"| {name} | {units:.1f} | {BUYS.get(name, '')} |" for name, units in parts.items()),
    ]


def _by_name(of: Iterable[Measured]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for each in of:
        found.setdefault(each.name, []).append(each)
    return found
