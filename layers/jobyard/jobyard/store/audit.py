"""What persons changed: ``AUDIT#<tenant>#<month>`` / ``<time>-<random>``, each written together with its change.

A month is a partition: a year is read in a dozen requests at the most, and what the busiest person does in a month is
no load for one.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, NamedTuple

from jobyard.aws import client
from jobyard.store import transactions
from jobyard.store.items import item, plain_item, table_name
from jobyard.store.transactions import Write


class Record(NamedTuple):
    """``at`` in milliseconds, ``expires_at`` in seconds; ``key`` orders a tenant's records by time."""

    tenant: str
    key: str
    at: int
    user_id: str
    user_name: str
    client_id: str
    ip: str
    user_agent: str
    action: str
    kind: str
    id: str
    before: dict[str, Any]
    after: dict[str, Any]
    expires_at: int


def month_of(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m}"


def month_before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04d}-12" if number == 1 else f"{year:04d}-{number - 1:02d}"


def new_key(at_ms: int) -> str:
    return f"{at_ms:013d}-{secrets.token_hex(8)}"


def put(record: Record) -> Write:
    values = {
        "pk": _pk(record.tenant, month_of(record.at)),
        "sk": record.key,
        "tenant": record.tenant,
        "at": record.at,
        "userId": record.user_id,
        "userName": record.user_name,
        "clientId": record.client_id,
        "ip": record.ip,
        "userAgent": record.user_agent,
        "action": record.action,
        "kind": record.kind,
        "id": record.id,
        "before": record.before,
        "after": record.after,
        "expiresAt": record.expires_at,
    }
    # A record is written once: nothing, not even a change that is tried again, writes over another.
    return transactions.put(item(values), "attribute_not_exists(pk)")


def newest(tenant: str, month: str, first: str, last: str, at_most: int) -> tuple[list[Record], bool]:
    """Up to ``at_most`` records of the month whose keys are from ``first`` to ``last``, newest first; whether there may
    be more.
    """
    page = client("dynamodb").query(
        TableName=table_name(),
        KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
        ExpressionAttributeValues=item({":pk": _pk(tenant, month), ":first": first, ":last": last}),
        ScanIndexForward=False,
        ConsistentRead=True,
        Limit=at_most,
    )
    return [_record(plain_item(each)) for each in page["Items"]], "LastEvaluatedKey" in page


def _pk(tenant: str, month: str) -> str:
    return f"AUDIT#{tenant}#{month}"


def _record(values: dict[str, Any]) -> Record:
    return Record(
        values["tenant"],
        values["sk"],
        values["at"],
        values["userId"],
        values["userName"],
        values["clientId"],
        values["ip"],
        values["userAgent"],
        values["action"],
        values["kind"],
        values["id"],
        values["before"],
        values["after"],
        values["expiresAt"],
    )
