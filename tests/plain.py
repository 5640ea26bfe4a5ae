"""Answers of DynamoDB to the tests themselves, parsed as the product has them parsed."""

from __future__ import annotations

from typing import Any

from jobyard import aws


def parsing_plainly[T](client: T) -> T:
    """A client whose answers are the JSON that was sent. Tests read whole tables again and again: three quarters of the
    time of those that compare them were botocore's.
    """
    events: Any = client.meta.events  # type: ignore[attr-defined]
    for service in ("dynamodb", "dynamodb-streams"):
        events.register(f"before-parse.{service}", aws._parse_plainly)
    return client
