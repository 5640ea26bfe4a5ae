from typing import Any

from jobyard.aws import client
from jobyard.lifecycle.fire import fire

client("dynamodb")


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    return fire(event)
