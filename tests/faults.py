"""Faults on the way to AWS and back, put between a real client and a real endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session


@contextmanager
def lost_answer(client: Any, operation: str) -> Iterator[list[str]]:
    """The first call of ``operation`` is carried out, but its answer never arrives; the list tells what was lost."""
    lost: list[str] = []
    session = URLLib3Session()

    def carry_out_and_forget(request: Any, **_: Any) -> None:
        if not lost:
            answer = session.send(request)
            assert answer.status_code == 200, answer.content
            lost.append(operation)
            raise ReadTimeoutError(endpoint_url=request.url)

    event = f"before-send.{client.meta.service_model.service_name}.{operation}"
    client.meta.events.register(event, carry_out_and_forget)
    try:
        yield lost
    finally:
        client.meta.events.unregister(event, carry_out_and_forget)
        session.close()
