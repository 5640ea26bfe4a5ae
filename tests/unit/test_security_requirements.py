"""What is installed is what was pinned: by version and hash, and in the layers as in the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.template import ROOT

PINNED = sorted([*ROOT.glob("requirements/*.txt"), *ROOT.glob("layers/*/requirements.txt")])
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^ ;\\]+)(?P<rest>.*)$")


def entries(path: Path) -> dict[str, tuple[str, str]]:
    """Version, and all that stands behind it, by a package's name."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = [_ENTRY.match(line) for line in lines]
    assert all(found), f"{path} has a line that pins nothing"
    return {each["name"].lower(): (each["version"], each["rest"]) for each in found if each}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PINNED, ids=relative)
def test_every_package_is_pinned_by_version_and_hash(path: Path) -> None:
    assert entries(path)
    for name, (_, rest) in entries(path).items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", rest), name


@pytest.mark.parametrize("path", [each for each in PINNED if "layers" in each.parts], ids=relative)
def test_the_tests_see_the_versions_that_the_layers_carry(path: Path) -> None:
    tested = entries(ROOT / "requirements" / "dev.txt")
    assert {name: version for name, (version, _) in entries(path).items()} == {
        name: tested[name][0] for name in entries(path)
    }


@pytest.mark.parametrize("script", ["scripts/env", "scripts/lib.sh", "scripts/audit", *(
    relative(path) for path in sorted(ROOT.glob("layers/*/build.py")))])  # fmt: skip
def test_whoever_installs_asks_for_the_hashes(script: str) -> None:
    text = (ROOT / script).read_text(encoding="utf-8")
    # Each command that reads requirements, over its continued lines.
    commands = re.findall(r"pip sync|--requirement\b|\"-r\"", text)
    assert commands
    assert text.count("--require-hashes") == len(commands)
