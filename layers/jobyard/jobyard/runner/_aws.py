from __future__ import annotations

import os
from functools import cache
from typing import Any


@cache
def client(service: str) -> Any:
    """A botocore client of ``service``, kept for the life of the process.

    Standard retries, eight tries in all: some 20 seconds of throttling or of a failing network are ridden out.
    """
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 8},
        user_agent_extra="jobyard-runner",
    )
    return botocore.session.get_session().create_client(service, config=config)


def setting(name: str) -> str:
    """The environment variable ``name``. Raises RuntimeError when the function was deployed without it."""
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(
            f"The environment variable {name} is not set. A workflow's function needs TABLE_NAME and BUCKET_NAME, "
            "which are outputs of the Jobyard stack."
        )
    return value
