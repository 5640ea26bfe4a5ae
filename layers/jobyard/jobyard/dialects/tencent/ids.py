"""Ids of jobs: ``b`` and a UUID of version 1 without its dashes. Workflows' begin with ``w``, or are alteryx ones."""

from __future__ import annotations

import re
import secrets
import uuid

JOB_ID = re.compile(r"b[0-9a-f]{32}\Z")
WORKFLOW_ID = re.compile(r"(?:w[0-9a-f]{32}|[0-9a-f]{24})\Z")
_MULTICAST = 1 << 40


def new_job_id() -> str:
    # A random node, marked as RFC 9562 has it, tells nothing of the machine; and who knows one id knows no other.
    return f"b{uuid.uuid1(secrets.randbits(48) | _MULTICAST, secrets.randbits(14)).hex}"


def is_job_id(text: str) -> bool:
    return bool(JOB_ID.match(text))


def is_workflow_id(text: str) -> bool:
    return bool(WORKFLOW_ID.match(text))
