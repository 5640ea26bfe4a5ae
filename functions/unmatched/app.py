from typing import Any

from jobyard.unmatched import answer


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return answer(event)
