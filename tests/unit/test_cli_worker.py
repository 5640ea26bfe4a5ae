"""What `jobyard worker` makes of a command: its lines, its files, its exit code, and its end after a cancel."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from jobyard import runner
from jobyard_cli import worker


class AJob:
    """As far as the command has to do with a job."""

    def __init__(self, cancelled_after: int = 1000) -> None:
        self.ticket = {"id": "1", "questions": {"frames": "3"}, "taskToken": "secret"}
        self.said: list[str] = []
        self.files: dict[str, str] = {}
        self._left = cancelled_after

    def log(self, text: str) -> None:
        self.said.append(text)

    def attach(self, name: str, path: Path) -> None:
        self.files[name] = path.read_text()

    def heartbeat(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise runner.Cancelled("enough")


def run(code: str, job: AJob | None = None) -> AJob:
    job = job or AJob()
    taken: Any = job
    worker.run(taken, [sys.executable, "-c", code])
    return job


def test_the_command_is_given_the_job_without_its_token() -> None:
    job = run("import sys; print(sys.stdin.read())")
    (text,) = job.said
    assert json.loads(text) == {"id": "1", "questions": {"frames": "3"}}


def test_its_lines_are_messages_and_its_files_outputs() -> None:
    code = """import os, sys
print("one"); print(); print("two", file=sys.stderr)
open(os.path.join(os.environ["JOBYARD_OUTPUTS"], "a.csv"), "w").write("a,b")"""
    job = run(code)
    assert sorted(job.said) == ["one", "two"]
    assert job.files == {"a.csv": "a,b"}


def test_another_exit_code_than_0_fails_the_job() -> None:
    job = AJob()
    with pytest.raises(runner.Failed, match="exit code 3"):
        run("import sys; sys.exit(3)", job)
    assert job.files == {}


def test_a_command_that_reads_nothing_is_none_the_worse_for_it() -> None:
    job = AJob()
    job.ticket["questions"] = {"long": "x" * 1_000_000}
    run("pass", job)


def test_after_a_cancel_the_command_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(worker, "_GRACE_SECONDS", 5.0)
    with pytest.raises(runner.Cancelled):
        run("import time; time.sleep(600)", AJob(cancelled_after=1))
