"""What a job asks for, checked: whose objects are deleted, and that they are of this tenant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from jobyard.runner import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_USER_BYTES = 256


class Place(NamedTuple):
    """Everything under ``prefix``, which ends with a slash, of ``bucket``."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def read_request(tenant: str, questions: Mapping[str, str], settings: Mapping[str, Any], data_bucket: str) -> Place:
    """Raises Failed, in words for whoever submitted the job.

    The settings ``bucket`` and ``prefix`` (the folder in which each user has one) come from the operator. Questions
    come from anybody who may submit: they choose a folder within, and never another.
    """
    user = questions.get("UserId", "")
    if not user or len(user.encode("utf-8", "replace")) > _MAX_USER_BYTES:
        raise Failed(f"The question UserId must name a user, in 1 to {_MAX_USER_BYTES} bytes.")
    own = f"users/{tenant}/"
    bucket = str(settings.get("bucket") or data_bucket)
    folder = str(settings.get("prefix") or "")
    if bucket == data_bucket:
        folder = folder or f"{own}{_project(questions, settings)}/"
        # In the data bucket, where all tenants' objects are, no setting opens another one's folder.
        if not folder.startswith(own):
            raise Failed(f"The setting prefix must begin with {own} in Jobyard's own bucket.")
    elif not folder and "prefix" not in settings:
        folder = f"{_project(questions, settings)}/"
    if folder and not folder.endswith("/"):
        folder += "/"
    return Place(bucket, f"{folder}{folder_of(user)}/")


def folder_of(user: str) -> str:
    """One path segment for any user id, and no two alike: percent-encoded UTF-8."""
    if user in {".", ".."}:
        return user.replace(".", "%2E")
    return quote(user, safe="", errors="replace")


def _project(questions: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    project = str(settings.get("projectId") or questions.get("ProjectId") or "")
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", project):
        raise Failed("It is not said of which project: the setting or question ProjectId, or the setting prefix.")
    return project
