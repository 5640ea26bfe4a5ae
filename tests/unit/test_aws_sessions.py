"""A session has of botocore's event handlers those that a client of its service could meet, in the same order."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session

from jobyard import aws
from leaner import OPERATIONS

EVENTS = (
    "after-call",
    "after-call-error",
    "before-call",
    "before-endpoint-resolution",
    "before-parameter-build",
    "before-parse",
    "before-send",
    "before-sign",
    "choose-signer",
    "creating-client-class",
    "getattr",
    "needs-retry",
    "provide-client-params",
    "request-created",
    "response-received",
)


def handlers(session: Any, event: str) -> list[Any]:
    # What the emitter itself asks for the handlers of an event.
    emitter = session.get_component("event_emitter")._emitter
    return [handler for handler in emitter._handlers.prefix_search(event) if handler.__module__.startswith("botocore")]


@pytest.mark.parametrize("service", OPERATIONS)
def test_a_session_has_every_handler_that_its_service_could_meet(service: str) -> None:
    whole = Session()
    ours = aws._session(service)
    name = whole.get_service_model(service).service_id.hyphenize()
    asked = [
        f"{event}.{name}{operation}"
        for event in EVENTS
        for operation in ("", *(f".{each}" for each in OPERATIONS[service]))
    ]
    asked.append("choose-service-name")
    # What botocore asks for credentials, of its own accord.
    for other in ("signin", "sso", "sso-oidc", "sts"):
        operations = whole.get_service_model(other).operation_names
        asked += [f"{event}.{other}.{each}" for event in EVENTS for each in (*operations, *map(xform_name, operations))]
    for event in asked:
        assert handlers(ours, event) == handlers(whole, event), event
    assert any(handlers(whole, event) for event in asked)
