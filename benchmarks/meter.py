"""What a call costs: units by the engine's own accounting, requests, and how many of them wait for each other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Meter:
    """Of all that a client is asked for within ``metering``."""

    units: float = 0
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When each request began and ended, in seconds of one clock."""

    parts: dict[str, float] = field(default_factory=dict)
    """The units of a table and of each index: told of writes."""

    @property
    def requests(self) -> int:
        return len(self.spans)

    @property
    def trips(self) -> int:
        return longest_chain(self.spans)

    def add(self, told: dict[str, Any]) -> None:
        self.units += told["CapacityUnits"]
        parts = {"table": told["Table"]} if "Table" in told else {}
        for name, units in (parts | told.get("GlobalSecondaryIndexes", {})).items():
            self.parts[name] = self.parts.get(name, 0) + units["CapacityUnits"]


def longest_chain(spans: Sequence[tuple[float, float]]) -> int:
    """How many of ``spans`` can have come one after the other: the most of which no two overlap."""
    chain, free_at = 0, float("-inf")
    for begin, end in sorted(spans, key=lambda span: span[1]):
        if begin >= free_at:
            chain, free_at = chain + 1, end
    return chain


READS = ("GetItem", "BatchGetItem", "Query", "Scan")


@contextmanager
def metering(dynamodb: Any, detail: str = "TOTAL", operations: Sequence[str] = ("*",)) -> Iterator[Meter]:
    """``dynamodb`` is a client; ``detail`` is TOTAL or INDEXES."""
    meter = Meter()

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = detail

    def begin(context: dict[str, Any], **_: Any) -> None:
        context["metered_from"] = time.perf_counter()

    def end(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        # Appending is one step, also where requests end at once.
        meter.spans.append((context["metered_from"], time.perf_counter()))
        told = parsed.get("ConsumedCapacity", [])
        for each in told if isinstance(told, list) else [told]:
            meter.add(each)

    handlers = {"provide-client-params": ask, "before-call": begin, "after-call": end}
    events = {f"{event}.dynamodb.{name}": each for event, each in handlers.items() for name in operations}
    for event, handler in events.items():
        dynamodb.meta.events.register(event, handler)
    try:
        yield meter
    finally:
        for event, handler in events.items():
            dynamodb.meta.events.unregister(event, handler)
