"""The functions' log lines, for a terminal: time, function, level, message, and the fields that tell jobs apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from local.deployment import Deployment

# What each line of Powertools' Logger has, and what a reader of one terminal does not need.
_USUAL = {
    "api_request_id",
    "cold_start",
    "correlation_id",
    "exception",
    "exception_name",
    "function_arn",
    "function_memory_size",
    "function_name",
    "function_request_id",
    "level",
    "location",
    "message",
    "request_id",
    "sampling_rate",
    "service",
    "stack_trace",
    "timestamp",
    "xray_trace_id",
}
_NOISE = re.compile(r"^(START|END|REPORT|INIT_START|XRAY) ")
_CLOCK = re.compile(r"\d{2}:\d{2}:\d{2}")
_COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}


def function_names(deployment: Deployment) -> dict[str, str]:
    """What to call each function: by its logical id, `GetFunction` is `get`."""
    return {
        physical: re.sub(r"(?<=[a-z])(?=[A-Z])", "-", logical.removesuffix("Function")).lower()
        for logical, physical in deployment.resources.items()
        if logical.endswith("Function")
    }


def readable(function: str, line: str, *, clock: str, colour: bool = False) -> str | None:
    """One line to show, or None for what only a machine reads. `clock`: the time, if the line tells none."""
    if not line.strip() or _NOISE.match(line):
        return None
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return f"{clock}  {function:<13} {line}"
    # A metric in the embedded format, or a record of the platform.
    if "_aws" in told or "record" in told:
        return None
    level = str(told.get("level", "INFO")).upper()
    at = _CLOCK.search(str(told.get("timestamp", "")))
    shown = f"{at[0] if at else clock}  {function:<13} {level:<7} {_text(told.get('message', ''))}{_fields(told)}"
    if colour and level in _COLOURS:
        shown = f"\x1b[{_COLOURS[level]}m{shown}\x1b[0m"
    if told.get("exception"):
        shown += "\n" + "\n".join(f"    {each}" for each in str(told["exception"]).splitlines())
    return shown


def _fields(told: Mapping[str, object]) -> str:
    return "".join(
        f" {name}={_text(value)}" for name, value in told.items() if name not in _USUAL and value is not None
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
