"""For `make run`: a queue of two slots, and twenty jobs of mixed priority that wait for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

TAG = "narrow"
SLOTS = 2
PRIORITIES = ("Low", "Medium", "High", "Critical")
JOBS = 20


def fill(alteryx: Mapping[str, Any]) -> list[str]:
    """Set the queue and submit its jobs, over HTTP as anybody does; the jobs' ids, in the order of their submission.

    ``alteryx`` is that part of the local run's configuration (``jobyard.json``).
    """
    admin = alteryx["admin"]
    form = {
        "grant_type": "client_credentials",
        "client_id": admin["client_id"],
        "client_secret": admin["client_secret"],
    }
    token = _ask("POST", alteryx["token_url"], urlencode(form).encode(), {})["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    base = alteryx["base_url"]
    _ask("PUT", f"{base}/v3/queues/{TAG}", _json({"slots": SLOTS, "paused": False}), headers)
    question = {"name": "input", "value": alteryx["input_uri"]}
    asked = [
        {"questions": [question], "workerTag": TAG, "priority": PRIORITIES[number % len(PRIORITIES)]}
        for number in range(JOBS)
    ]
    jobs = f"{base}/v3/workflows/{alteryx['workflow_id']}/jobs"
    return [_ask("POST", jobs, _json(each), headers)["id"] for each in asked]


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _ask(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Any:
    with urlopen(Request(url, body, dict(headers), method=method), timeout=30) as answer:  # noqa: S310 - this machine's
        return json.load(answer)
