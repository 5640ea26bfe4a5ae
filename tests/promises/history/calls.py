"""A history: each call of each client, with its times and what was answered; and the same as lines of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

GONE = "gone"
"""The state of a job that was deleted, beside those of ``jobyard.model.Status``."""

NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Times are seconds on one clock; ``returned`` is ``NEVER`` where no answer came.

    What was asked: ``kind`` is submit, get, messages, page, cancel, or stopped (no client's call: when the execution of
    ``job`` ended). ``wish`` is what a submit is for: equal wishes shall be one job. ``walk``, ``page``, ``limit`` and
    ``order`` (``created+``, ``created-``, ``token`` with a cursor, or another) are of a page.

    What was answered: ``status`` of HTTP; ``job``; ``states``, any of which the job may have had as it was shown, or
    for a cancel ``cancelled``, ``gone``, or the final ones because of which it was refused (then ``status`` is 4xx);
    ``messages``; ``rows`` of a page with ``states`` each, ``last`` of a walk, ``total``; ``replayed``; ``honest``: that
    a refusal says when to try again.
    """

    client: str
    dialect: str
    kind: str
    invoked: float
    returned: float = NEVER
    job: str = ""
    wish: str = ""
    walk: str = ""
    page: int = 0
    limit: int = 0
    order: str = ""
    status: int = 0
    states: tuple[str, ...] = ()
    messages: tuple[str, ...] | None = None
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()
    last: bool = False
    total: int = -1
    replayed: bool = False
    honest: bool = False
    note: str = ""

    @property
    def answered(self) -> bool:
        return self.returned < NEVER

    @property
    def done(self) -> bool:
        return self.answered and 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        """Whether it took effect is not known, nor when: a server's error may be told before the effect."""
        return not self.answered or self.status >= 500

    def shown(self) -> str:
        until = f"{self.returned:9.3f}" if self.answered else "  nothing"
        asked = " ".join(
            part
            for part in (
                self.job and f"job {self.job}",
                self.wish and f"wish {self.wish}",
                self.walk and f"walk {self.walk} page {self.page} by {self.order}",
            )
            if part
        )
        parts = [str(self.status) if self.status else "", "|".join(self.states), "replayed" if self.replayed else ""]
        if self.rows:
            parts.append(f"{len(self.rows)} rows")
        if self.total >= 0:
            parts.append(f"total {self.total}")
        if self.messages is not None:
            parts.append(f"{len(self.messages)} messages, the last {list(self.messages[-3:])}")
        answer = " ".join(part for part in [*parts, self.note] if part)
        who = f"{self.client:>6} {self.dialect} {self.kind}"
        return f"{self.invoked:9.3f} to {until}  {who} {asked} -> {answer or 'no answer'}"


@dataclass(frozen=True, slots=True)
class Chaos:
    """A disturbance from outside, and until when it may explain a server's error. ``job``: whose execution it was."""

    at: float
    until: float
    what: str
    job: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """``rest`` is when all jobs had ended and nobody asked for anything any more but to look; NEVER if it never came.

    ``lag``: seconds that a list may be behind. ``stops``: seconds within which a cancelled job's execution shall end.
    """

    calls: Sequence[Call]
    chaos: Sequence[Chaos] = ()
    rest: float = NEVER
    lag: float = 0.0
    stops: float = 130.0


def dump(history: History, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for line in _lines(history):
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def _lines(history: History) -> Iterator[dict[str, Any]]:
    yield {"rest": _number(history.rest), "lag": history.lag, "stops": history.stops}
    for each in history.chaos:
        yield {"chaos": asdict(each)}
    usual = {field.name: field.default for field in fields(Call)}
    for call in sorted(history.calls, key=lambda each: each.invoked):
        told = {name: value for name, value in asdict(call).items() if value != usual[name]}
        yield told


def load(path: Path) -> History:
    """What ``dump`` wrote."""
    with path.open(encoding="utf-8") as file:
        head, *rest = (json.loads(line) for line in file)
    return History(
        [_call(each) for each in rest if "chaos" not in each],
        [Chaos(**each["chaos"]) for each in rest if "chaos" in each],
        NEVER if head["rest"] is None else head["rest"],
        head["lag"],
        head["stops"],
    )


def _call(told: dict[str, Any]) -> Call:
    for name in ("states", "messages"):
        if told.get(name) is not None:
            told[name] = tuple(told[name])
    if "rows" in told:
        told["rows"] = tuple((id, tuple(states)) for id, states in told["rows"])
    return Call(**told)


def _number(value: float) -> float | None:
    return value if value < NEVER else None


def shown(calls: Iterable[Call]) -> str:
    return "\n".join(f"  {call.shown()}" for call in sorted(calls, key=lambda each: (each.invoked, each.returned)))
