"""What each trick pays: the layer without it, and how much more an answer then takes."""

from __future__ import annotations

import compileall
import py_compile
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import packed
from benchmarks.progress import say
from leaner import DEFERRED, PATTERNS

if TYPE_CHECKING:
    from benchmarks.starts import Bench

_AWS = "jobyard/aws.py"


class Trick(NamedTuple):
    """``undo`` changes a copy of the layer; ``rows`` are what it is for."""

    name: str
    undo: Callable[[Path], None]
    rows: tuple[str, ...]


class Pays(NamedTuple):
    """``share``: by how much the row would be more without it, of what it is with it."""

    name: str
    row: str
    share: float


def measured(bench: Bench, scratch: Path) -> list[Pays]:
    rows = {row for trick in TRICKS for row in trick.rows}
    asked = [(None, row) for row in sorted(rows)] + [(trick, row) for trick in TRICKS for row in trick.rows]
    layers = {trick.name: _without(trick, bench.layer, scratch) for trick in TRICKS}

    def counted(of: tuple[Trick | None, str]) -> int:
        trick, row = of
        kind, _, name = row.partition(" ")
        function = bench.function(name, layers[trick.name] if trick else None)
        found = bench.machine.cold(function) if kind == "cold" else bench.machine.warm(function)
        say(f"{row}, {f'without {trick.name}' if trick else 'as it is'}: {found / 1e6:,.1f} million instructions")
        return found

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(asked, pool.map(counted, asked), strict=True))
    return [Pays(trick.name, row, found[trick, row] / found[None, row] - 1) for trick, row in asked if trick]


def _without(trick: Trick, layer: Path, scratch: Path) -> Path:
    copy = scratch / trick.name.replace(" ", "-").replace("`", "")
    shutil.copytree(layer, copy)
    trick.undo(copy)
    return copy


def _recompiled(tree: Path, name: str) -> None:
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_file(tree / name, force=True, quiet=1, invalidation_mode=mode)


def _without_bytecode(tree: Path) -> None:
    for folder in list(tree.rglob("__pycache__")):
        shutil.rmtree(folder)


def _without_patterns(tree: Path) -> None:
    (tree / "jobyard" / PATTERNS).unlink()


def _as_published(tree: Path) -> None:
    for name in DEFERRED:
        shutil.copy(packed.usual() / name, tree / name)
        _recompiled(tree, name)


def _with_all_data(tree: Path) -> None:
    shutil.rmtree(tree / "botocore" / "data")
    shutil.copytree(packed.usual() / "botocore" / "data", tree / "botocore" / "data")


def _changed(old: str, new: str) -> Callable[[Path], None]:
    def undo(tree: Path) -> None:
        text = (tree / _AWS).read_text(encoding="utf-8")
        assert old in text, f"{_AWS} has no {old!r}: change it here, too"
        (tree / _AWS).write_text(text.replace(old, new), encoding="utf-8")
        _recompiled(tree, _AWS)

    return undo


TRICKS = [
    Trick("`.pyc` with unchecked hashes", _without_bytecode, ("cold get",)),
    Trick("patterns of `re` compiled by the build", _without_patterns, ("cold get",)),
    Trick("imports put off until they are called", _as_published, ("cold get",)),
    Trick("botocore's data cut to the operations used", _with_all_data, ("cold get",)),
    Trick(
        "event handlers of the service only",
        _changed('if of in ("", "*", service, *_OF_CREDENTIALS) and not event.startswith("docs."):', "if True:"),
        ("cold get",),
    ),
    Trick(
        "DynamoDB's answers taken as JSON",
        _changed('made.meta.events.register("before-parse.dynamodb", _parse_plainly)', "pass"),
        ("warm get", "warm list"),
    ),
    Trick("a user agent of our own", _changed('    user_agent="jobyard",\n', ""), ("warm get",)),
]
