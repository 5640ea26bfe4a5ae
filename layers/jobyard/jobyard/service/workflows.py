"""The workflows that a caller can run."""

from __future__ import annotations

from jobyard.authorizer.access import Caller, may_see_workflow
from jobyard.model import Workflow
from jobyard.store import workflows


def visible(caller: Caller) -> list[Workflow]:
    """All that the caller may see, in the order of their ids."""
    return [each for each in workflows.all_of(caller.tenant) if may_see_workflow(caller, each)]
