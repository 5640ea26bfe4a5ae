from typing import Any

from jobyard.aws import client
from jobyard.lifecycle.drive import drive

client("stepfunctions")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return drive(event["Records"])
