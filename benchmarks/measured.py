"""A function in a process of its own, as Lambda starts it: instructions by valgrind, milliseconds and memory without.

Instructions are those of user space. Timings wander with what else a machine does, these do not: with a fixed seed of
hashes two runs differ by less than 0.2 %.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from local.errors import LocalError

DRIVER = Path(__file__).with_name("driver.py")
_REFS = re.compile(r"I +refs: +([0-9,]+)")
_TIMES = 21


class Function(NamedTuple):
    """``path``: the folders that are on the runtime's path, the function's own first. ``expects`` is a part of its
    answer's body.
    """

    path: tuple[Path, ...]
    event: Mapping[str, Any]
    expects: str = ""


class Timed(NamedTuple):
    """``cold`` from the start of the process to its first answer, ``warm`` of one more, in milliseconds."""

    cold: float
    warm: float
    peak_mb: float


class Machine:
    """Where functions run: an interpreter that sees the standard library, and the environment that they have."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._python = folder / "runtime" / "bin" / "python"
        if not self._python.exists():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "runtime")], check=True)
        self._environment = dict(environment) | {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONHASHSEED": "0",
            # As on Lambda, where neither the function's folder nor its layers can be written to.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def cold(self, function: Function) -> int:
        """Instructions from the start of the process to the first answer."""
        return self._counted(function, 1)

    def warm(self, function: Function) -> int:
        """Instructions of one more answer."""
        return (self._counted(function, _TIMES) - self._counted(function, 1)) // (_TIMES - 1)

    def timed(self, function: Function) -> Timed:
        began = time.perf_counter()
        self._ran(function, 1, ())
        cold = (time.perf_counter() - began) * 1000
        told = self._ran(function, _TIMES, ())
        later = sorted(told["milliseconds"][1:])
        return Timed(cold, later[len(later) // 2], told["peak_mb"])

    def modules(self, function: Function) -> list[str]:
        """The top-level modules that its import and its first answer have loaded, beside what Lambda's runtime has."""
        return list(self._ran(function, 1, ())["modules"])

    def _counted(self, function: Function, times: int) -> int:
        if not (valgrind := shutil.which("valgrind")):
            raise LocalError("valgrind counts the instructions: install it, e.g. with 'apt-get install valgrind'.")
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".valgrind") as log:
            command = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
            self._ran(function, times, (*command, f"--log-file={log.name}"))
            found = _REFS.search(Path(log.name).read_text(encoding="utf-8"))
        assert found
        return int(found[1].replace(",", ""))

    def _ran(self, function: Function, times: int, wrapper: Sequence[str]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            event, result = Path(scratch, "event.json"), Path(scratch, "result.json")
            event.write_text(json.dumps(function.event), encoding="utf-8")
            done = subprocess.run(
                [*wrapper, str(self._python), "-s", str(DRIVER), str(event), str(times), str(result)],
                env=self._environment | {"PYTHONPATH": os.pathsep.join(map(str, function.path))},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if not result.exists():
                raise LocalError(f"{function.path[0]} gave no answer:\n{done.stderr[-2000:]}")
            told: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        answer = told["answer"]
        if answer["statusCode"] != 200 or function.expects not in answer["body"]:
            raise LocalError(f"{function.path[0]} answered {answer['statusCode']}: {answer['body'][:500]}")
        return told
