"""`make run` as a process: what it prints, what it leaves behind, how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.processes import free_port
from local.template import ROOT


def started(port: int, config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local", "--port", str(port), "--config", str(config)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "jobyard.json"


@pytest.fixture
def run(port: int, config_file: Path) -> Iterator[subprocess.Popen[str]]:
    process = started(port, config_file)
    yield process
    process.kill()
    process.communicate()


def printed(process: subprocess.Popen[str], until: str) -> str:
    assert process.stdout
    text = ""
    for line in process.stdout:
        text += line
        if until in line:
            return text
    raise AssertionError(f"ended without {until!r}: {text}")


def gone(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/")
    except httpx.TransportError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.nightly)])
def test_it_tells_how_to_use_it_and_ends_cleanly(
    run: subprocess.Popen[str], port: int, config_file: Path, number: signal.Signals
) -> None:
    text = printed(run, "Ctrl-C ends it.")
    config = json.loads(config_file.read_text(encoding="utf-8"))
    engine = config["aws"]["endpoint_url"]
    for told in (f"http://127.0.0.1:{port}/webapi", config["alteryx"]["workflow_id"]):
        assert told in text
    token = httpx.post(
        config["alteryx"]["token_url"],
        data={"grant_type": "client_credentials"},
        auth=tuple(config["alteryx"]["member"].values())[:2],
        timeout=60,
    )
    assert token.status_code == 200, token.text
    assert re.search(r"^\d\d:\d\d:\d\d  token ", printed(run, "token "), re.MULTILINE)
    run.send_signal(number)
    rest, _ = run.communicate(timeout=30)
    assert run.returncode == 0, rest
    assert "Traceback" not in rest
    assert gone(port)
    assert gone(int(engine.rpartition(":")[2]))
    assert not config_file.exists()


@pytest.mark.nightly
def test_the_lines_to_paste_work(run: subprocess.Popen[str], tmp_path: Path) -> None:
    text = printed(run, "Ctrl-C ends it.")
    blocks = text[text.index("To try it") : text.index("The functions' logs")]
    lines = [line.removeprefix("  ") for line in blocks.splitlines() if line.startswith("  ")]
    # A person takes a moment before asking for the outputs.
    pasted = "\n".join(lines).replace("OUTPUT=$(", "sleep 8; OUTPUT=$(")
    script = tmp_path / "pasted.sh"
    script.write_text(pasted + "\n", encoding="utf-8")
    done = subprocess.run(["bash", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"Queued with priority' in done.stdout
    assert "order_id,integer,5000" in done.stdout
    assert '"message":"Cancelled Successfully."' in done.stdout.replace(": ", ":")
    assert '"status":"Cancelled"' in done.stdout.replace(": ", ":")


@pytest.mark.nightly
def test_killed_it_leaves_no_engine_behind(run: subprocess.Popen[str], config_file: Path) -> None:
    printed(run, "Ctrl-C ends it.")
    config = json.loads(config_file.read_text(encoding="utf-8"))
    engine = int(config["aws"]["endpoint_url"].rpartition(":")[2])
    run.kill()
    deadline = time.monotonic() + 20
    while not gone(engine):
        assert time.monotonic() < deadline, "the engine still answers"
        time.sleep(0.1)


def test_a_port_in_use_is_told(run: subprocess.Popen[str], port: int, tmp_path: Path) -> None:
    printed(run, "Starting the local AWS")
    second = started(port, tmp_path / "second.json")
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in said
    assert "make run PORT=" in said
