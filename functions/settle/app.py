from typing import Any

from jobyard.lifecycle.settle import settle


def handler(event: dict[str, Any], _context: object) -> None:
    settle(event)
