from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.template import ROOT
from tests.sam import cli
from tests.sam.stand import Stand, standing, write_environment

Invoke = Callable[[str], cli.Invocation]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built template, on a machine that can run it in containers."""
    try:
        cli.ensure_image()
    except cli.NoImage as reason:
        pytest.skip(f"no container can be run here: {reason}")
    return cli.build(tmp_path_factory.mktemp("sam"))


@pytest.fixture(scope="session")
def _stand(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(tmp_path_factory.mktemp("engine")) as stand:
        yield stand


@pytest.fixture
def stand(_stand: Stand) -> Stand:
    """The endpoints behind the functions, seeded anew."""
    _stand.seed()
    return _stand


@pytest.fixture
def env_vars(stand: Stand, tmp_path: Path) -> Path:
    return write_environment(stand.environment, tmp_path / "env.json")


@pytest.fixture
def invoke(template: Path, env_vars: Path) -> Invoke:
    """Runs the function of events/<name>.json with it, in a container."""

    def run(name: str) -> cli.Invocation:
        # Of a further dialect: <dialect>-<function>.
        function = "".join(word.capitalize() for word in name.rpartition("-")[2].split("_")) + "Function"
        invoked = cli.invoke(template, env_vars, function, ROOT / "events" / f"{name}.json")
        assert invoked.report, invoked.log
        sys.stdout.write(f"{name}: {invoked.report}\n")
        return invoked

    return run
