"""What was counted, kept as JSON, and shown as a page in Markdown with how to repeat it."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sysconfig
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.ablations import Pays
from benchmarks.machine import machine
from benchmarks.measured import Timed

PAGE = Path(__file__).with_name("README.md")
COLD = ("get", "list", "messages", "cancel", "submit")
WARM = ("get", "list")

COLD_OF_USUAL = {"get": 0.17, "list": 0.17, "messages": 0.17, "cancel": 0.17, "submit": 0.22}
WARM_OF_USUAL = {"get": 0.6, "list": 0.3}
COLD_MOST, LAYER_MOST_MB, PEAK_MOST_MB, PAYS_LEAST = 750e6, 12.0, 50.0, 0.03
_ASKS = {"get": "a job and its 20 messages", "list": "50 of 65 jobs, with the exact total"}


@dataclass
class Counted:
    """``counts`` and ``references``: instructions, by ``cold <endpoint>`` and ``cold <way> <endpoint>``."""

    where: str
    interpreter: str
    counts: dict[str, int]
    references: dict[str, int]
    timed: dict[str, Timed]
    layer_mb: float
    pays: list[Pays]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Counted:
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept["timed"] = {what: Timed(*values) for what, values in kept["timed"].items()}
        kept["pays"] = [Pays(*values) for values in kept["pays"]]
        return cls(**kept)

    def of_usual(self, row: str) -> float:
        kind, _, name = row.partition(" ")
        # Of what has no usual handler of its own, the one that gets a job stands for it.
        usual = self.references.get(f"{kind} usual {name}", self.references[f"{kind} usual get"])
        return self.counts[row] / usual


def interpreter() -> str:
    """Counts can be compared where this is the same: how it was compiled makes half as many instructions or twice."""
    options = " ".join(sorted(re.findall(r"--(?:enable|with)[\w-]+", sysconfig.get_config_var("CONFIG_ARGS") or "")))
    return (
        f"Python {platform.python_version()}, {platform.python_compiler()}, {platform.machine()}, {options or 'plain'}"
    )


def where() -> str:
    told = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    packages = ", ".join(f"{name} {version(name)}" for name in ("aws-lambda-powertools", "boto3", "pydantic"))
    return f"{machine('botocore')}, {packages}, {told}; {interpreter()}; {datetime.now(UTC):%Y-%m-%d}"


def broken(counted: Counted) -> list[str]:
    """The goals that are not met."""
    found = []
    for name, most in COLD_OF_USUAL.items():
        if (share := counted.of_usual(f"cold {name}")) > most:
            found.append(f"cold {name}: {share:.3f} of the usual handler, where {most} is the goal")
        if name != "submit" and counted.counts[f"cold {name}"] > COLD_MOST:
            found.append(f"cold {name}: over {COLD_MOST / 1e6:.0f} million instructions")
    for name, most in WARM_OF_USUAL.items():
        if (share := counted.of_usual(f"warm {name}")) > most:
            found.append(f"warm {name}: {share:.3f} of the usual handler, where {most} is the goal")
    if counted.layer_mb > LAYER_MOST_MB:
        found.append(f"the layer has {counted.layer_mb:.1f} MB, where {LAYER_MOST_MB:.0f} are the goal")
    if counted.timed["get"].peak_mb > PEAK_MOST_MB:
        found.append(f"get takes {counted.timed['get'].peak_mb:.1f} MB, where {PEAK_MOST_MB:.0f} are the goal")
    found += [
        f"{each.name} pays {each.share:.1%} of {each.row}, where {PAYS_LEAST:.0%} is the least"
        for each in counted.pays
        if each.share < PAYS_LEAST
    ]
    return found


def write(page: str) -> None:
    """Put ``page`` between its marks: what stands around it is written by hand."""
    begin, end = "<!-- starts -->\n", "<!-- end -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}{page}\n{end}{after}", encoding="utf-8")


def rendered(counted: Counted) -> str:
    parts = [counted.where + ".", _cold(counted), _warm(counted), _sizes(counted), _tricks(counted)]
    return "\n\n".join(parts)


def _cold(counted: Counted) -> str:
    lines = ["| cold start, to the first answer | M instr | of the usual | goal | ms |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {name} | {_millions(counted.counts[f'cold {name}'])} | {counted.of_usual(f'cold {name}'):.3f} | "
        f"{COLD_OF_USUAL[name]} | {_cold_ms(counted, name)} |"
        for name in COLD
    ]
    for way, name in (("usual", "get"), ("usual", "list"), ("usual", "submit"), ("floor", "get"), ("bare", "get")):
        number = counted.references[f"cold {way} {name}"]
        share = number / counted.references[f"cold usual {name if way == 'usual' else 'get'}"]
        title = f"*{way}*" if way == "bare" else f"*{way}*, {name}"
        lines.append(f"| {title} | {_millions(number)} | {share:.3f} | | {_cold_ms(counted, f'{way} {name}')} |")
    return "\n".join(lines)


def _cold_ms(counted: Counted, what: str) -> str:
    return f"{counted.timed[what].cold:,.0f}" if what in counted.timed else ""


def _warm(counted: Counted) -> str:
    lines = ["| one more answer | M instr | of the usual | goal | ms |", "|---|---:|---:|---:|---:|"]
    for name in WARM:
        row, goal = f"warm {name}", WARM_OF_USUAL[name]
        lines.append(
            f"| {name}: {_ASKS[name]} | {_millions(counted.counts[row])} | {counted.of_usual(row):.3f} | {goal} | "
            f"{counted.timed[name].warm:.1f} |"
        )
        for way in ("usual", "floor"):
            number = counted.references[f"warm {way} {name}"]
            share = number / counted.references[f"warm usual {name}"]
            ms = counted.timed[f"{way} {name}"].warm
            lines.append(f"| *{way}*, {name} | {_millions(number)} | {share:.3f} | | {ms:.1f} |")
    return "\n".join(lines)


def _sizes(counted: Counted) -> str:
    return "\n".join(
        [
            "| | MB | goal |",
            "|---|---:|---:|",
            f"| the layer, zipped, for both architectures | {counted.layer_mb:.1f} | {LAYER_MOST_MB:.0f} |",
            f"| peak memory of get | {counted.timed['get'].peak_mb:.1f} | {PEAK_MOST_MB:.0f} |",
            f"| peak memory of the usual get | {counted.timed['usual get'].peak_mb:.1f} | |",
        ]
    )


def _tricks(counted: Counted) -> str:
    lines = ["| without | | takes more |", "|---|---|---:|"]
    lines += [f"| {each.name} | {each.row} | {each.share:.1%} |" for each in counted.pays]
    return "\n".join(lines)


def _millions(number: int) -> str:
    return f"{number / 1e6:,.1f}"
