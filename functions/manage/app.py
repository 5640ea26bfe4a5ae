from typing import Any

from jobyard.service.manage import manage


def handler(event: Any, _context: Any) -> dict[str, Any]:
    return manage(event)
