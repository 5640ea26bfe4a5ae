"""What a benchmark ran on, in a line of its report."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(client: str) -> str:
    """``client``: the package that made the calls, whose version is told."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}, "
        f"{client} {version(client)}, load {os.getloadavg()[0]:.1f} before"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []
