"""The steps of statemachine/inventory.asl.json besides the map itself: plan, watch and summarise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyobjects.plan import plan
from manyobjects.summary import summarise
from manyobjects.watch import watch

from jobyard import runner

_STEPS = {step.__name__: runner.step(step) for step in (plan, watch, summarise)}


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any] | None:
    return _STEPS[event["step"]](event, context)
