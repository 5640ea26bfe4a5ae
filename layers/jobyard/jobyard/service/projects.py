"""The project that a request is about."""

from __future__ import annotations

from jobyard.authorizer.access import Caller
from jobyard.errors import NotFound
from jobyard.model.ids import is_project_key
from jobyard.store import projects
from jobyard.store.projects import Project


def get(caller: Caller, key: str) -> Project:
    """The project of this key. Raises ``NotFound`` also for one of another tenant."""
    project = projects.find(key) if is_project_key(key) else None
    if project is None or project.tenant != caller.tenant:
        raise NotFound("Project", key[:64])
    return project


__all__ = ["Project", "get"]
