"""`sam local start-api`: the routes of the template, over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.sam import cli, seed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(900)


def test_a_job_is_read_over_http(template: Path, env_vars: Path, tmp_path: Path) -> None:
    with cli.api(template, env_vars, tmp_path / "log") as url:
        job = f"{url}/webapi/v3/jobs/{seed.COMPLETED_JOB}"
        request = urllib.request.Request(job, headers={"Authorization": f"Bearer {seed.TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200
            assert json.load(answer)["id"] == seed.COMPLETED_JOB
        with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(job, timeout=60):
            pass
        with refused.value as answer:
            assert answer.status == 401
            assert json.load(answer) == {"message": "Authorization has been denied for this request."}
