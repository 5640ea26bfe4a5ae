"""The parts of `make run` that need no engine."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import engine_entry
from local.demo import orders_csv
from local.errors import LocalError
from local.processes import free_port, stop, wait_for_port
from local.template import ROOT


def test_the_demo_input_is_the_same_each_time_and_awkward_enough() -> None:
    assert orders_csv(50) == orders_csv(50)
    rows = list(csv.DictReader(io.StringIO(orders_csv(200).decode(), newline="")))
    assert len(rows) == 200
    assert {row["note"] for row in rows} >= {"", "two\nlines", 'said "later"'}
    assert "O'Brien, Pat" in {row["customer"] for row in rows}


def test_another_release_of_the_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    with pytest.raises(SystemExit, match=r"9\.9\.9 is not 1\."):
        engine_entry.main()


def test_the_pinned_engine_is_the_tested_one() -> None:
    pinned = (ROOT / "requirements" / "engine.txt").read_text(encoding="utf-8")
    assert f"ministack=={engine_entry.TESTED_VERSION} " in pinned


def test_a_function_of_the_engine_that_takes_other_arguments_is_refused() -> None:
    module = SimpleNamespace(__name__="engine", present=lambda a, b: (a, b))
    assert engine_entry.guard(module, "present", ["a", "b"]) is module.present
    for name in ("present", "absent"):
        with pytest.raises(SystemExit, match=rf"engine\.{name} takes"):
            engine_entry.guard(module, name, ["a"])


def test_tests_run_on_the_libraries_that_the_layer_carries() -> None:
    def pinned(path: Path) -> dict[str, str]:
        return dict(
            re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )

    ours = pinned(ROOT / "requirements" / "dev.txt")
    for layer in ("jobyard", "oidc"):
        deployed = pinned(ROOT / "layers" / layer / "requirements.txt")
        assert deployed
        assert {name: ours.get(name) for name in deployed} == deployed


def started(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)


def test_a_process_is_ended_with_all_that_it_started() -> None:
    process = started(
        "import signal, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(300)\n"
    )
    assert process.stdout
    child = int(process.stdout.readline())
    stop(process)
    process.stdout.close()
    assert process.returncode == 0
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(told.stdout.strip()) and not told.stdout.startswith("Z")


def test_a_process_that_does_not_listen_to_sigterm_is_killed() -> None:
    process = started(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(300)"
    )
    assert process.stdout
    process.stdout.readline()
    stop(process, seconds=0.2)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL


def test_a_server_that_ends_at_its_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\nlast words\n", encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(LocalError, match=r"(?s)Thing ended at its start.*last words"):
        wait_for_port(process, free_port(), log, "Thing", seconds=5)
