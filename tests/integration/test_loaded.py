"""What a cold start loads: each module has earned its milliseconds, and another comes in on purpose or not at all.

With the layer as it is deployed, in an interpreter that sees nothing else, to the first answer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.starts import Bench, world
from local.template import ROOT

LISTED = ROOT / "layers" / "jobyard" / "loaded.txt"
READING = ("get", "list", "messages", "cancel")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers' extension modules are Linux's")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    with world() as environment:
        bench = Bench(Path(tmp_path_factory.mktemp("bench")), environment)
        yield {name: set(bench.machine.modules(bench.function(name))) for name in READING}


def listed() -> set[str]:
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("endpoint", READING)
def test_a_read_endpoint_loads_the_listed_modules_and_no_others(endpoint: str, loaded: dict[str, set[str]]) -> None:
    # Names with an underscore are what the standard library makes of itself, in each of its releases.
    public = {name for name in loaded[endpoint] if not name.startswith("_")}
    assert public - listed() == set(), (
        "a cold start loads more: is it worth it? then list it in layers/jobyard/loaded.txt"
    )


def test_what_is_listed_is_loaded(loaded: dict[str, set[str]]) -> None:
    assert listed() - set[str]().union(*loaded.values()) == set()
