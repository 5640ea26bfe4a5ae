"""What the build does to packages in a layer so that they load faster, and do the same.

Each is measured (benchmarks/README.md), and fails the build where a new release of a package is not as it was.
"""

from __future__ import annotations

import ast
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFERRED = {
    "botocore/docs/__init__.py": ("botocore.docs.service",),
    "botocore/docs/docstring.py": (
        "botocore.docs.bcdoc.restdoc",
        "botocore.docs.method",
        "botocore.docs.paginator",
        "botocore.docs.waiter",
    ),
    "urllib3/http2/__init__.py": ("importlib.metadata",),
}
"""Modules, by file, that are not imported with the file but when what they give is first called: what a client's
documentation is written by, and what looks for HTTP/2's package, which is not here.
"""

OPERATIONS = {
    "dynamodb": (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactWriteItems",
        "UpdateItem",
    ),
    "kms": ("Decrypt", "Encrypt"),
    "lambda": ("Invoke",),
    "s3": (
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "DeleteObjects",
        "GetObject",
        "HeadObject",
        "ListObjectVersions",
        "ListObjectsV2",
        "PutObject",
        "UploadPart",
    ),
    "scheduler": ("CreateSchedule", "DeleteSchedule", "ListSchedules"),
    "sqs": ("DeleteMessage", "ReceiveMessage"),
    "stepfunctions": (
        "DescribeExecution",
        "DescribeMapRun",
        "ListExecutions",
        "ListMapRuns",
        "SendTaskFailure",
        "SendTaskHeartbeat",
        "SendTaskSuccess",
        "StartExecution",
        "StopExecution",
    ),
}
"""What code over this layer may ask of AWS, by botocore's names of services."""

BOTOCORE_FILES = ("_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json")

PATTERNS = "_patterns.py"


class LeanError(Exception):
    """A package is not as it was when this was written."""


def cut_botocore(data: Path) -> None:
    """Leave the data of ``OPERATIONS`` only: of each service's newest version, unpacked, without documentation."""
    prefixes = {_cut_service(data / service) for service in OPERATIONS}
    endpoints = _load(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        partition["services"] = {k: v for k, v in partition["services"].items() if k in prefixes}
    _dump(endpoints, data / "endpoints.json")
    for path in data.iterdir():
        if path.is_dir() and path.name not in OPERATIONS:
            shutil.rmtree(path)
        elif path.is_file() and path.name not in BOTOCORE_FILES:
            path.unlink()


def _cut_service(folder: Path) -> str:
    """Cut one service's data, and return the name under which endpoints.json has it."""
    models = sorted(folder.glob("*/service-2.json*"))
    if not models:
        raise LeanError(f"botocore has no service {folder.name!r}")
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = _load(path)
        path.unlink()
        if path == models[-1]:
            content = operating(_undocumented(content), OPERATIONS[folder.name])
        if path.parent == models[-1].parent and not path.name.startswith("examples-"):
            _dump(content, path.with_name(path.name.removesuffix(".gz")))
    newest = models[-1].with_name(models[-1].name.removesuffix(".gz"))
    return str(_load(newest)["metadata"]["endpointPrefix"])


def _undocumented(model: dict[str, Any]) -> dict[str, Any]:
    """A service model without its ``documentation`` texts; a shape's member may bear that name.

    botocore reads those of the client's own parameters (model.py, `client_context_parameters`).
    """

    def strip(node: Any, names: bool) -> Any:
        if isinstance(node, dict):
            return {
                key: strip(value, not names and key in ("shapes", "members", "operations"))
                for key, value in node.items()
                if names or key not in ("documentation", "documentationUrl")
            }
        return [strip(value, False) for value in node] if isinstance(node, list) else node

    kept = {"clientContextParams": model["clientContextParams"]} if "clientContextParams" in model else {}
    return {**strip(model, False), **kept}


def operating(model: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """A service model that has the operations ``names`` only, and the shapes that they lead to. Raises LeanError."""
    if unknown := set(names).difference(model["operations"]):
        raise LeanError(f"{model['metadata']['serviceId']} has no {', '.join(sorted(unknown))}")
    operations = {name: model["operations"][name] for name in names}
    shapes: dict[str, Any] = {}
    due = [*_shapes_of(operations)]
    while due:
        if (name := due.pop()) not in shapes:
            shapes[name] = model["shapes"][name]
            due += _shapes_of(shapes[name])
    in_order = {name: shape for name, shape in model["shapes"].items() if name in shapes}
    return model | {"operations": operations, "shapes": in_order}


def _shapes_of(node: Any) -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        # A member of this name leads to a shape, too, by a mapping of its own.
        if key == "shape" and isinstance(value, str):
            yield value
        else:
            yield from _shapes_of(value)


def defer(target: Path) -> None:
    """Put functions that import and call in place of the imports that ``DEFERRED`` names. Raises LeanError."""
    for name, modules in DEFERRED.items():
        file = target / name
        source = file.read_text(encoding="utf-8")
        lines = source.splitlines(keepends=True)
        imports = {node.module: node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)}
        for module in modules:
            node = imports.get(module)
            if node is None or node.end_lineno is None or any(alias.asname for alias in node.names):
                raise LeanError(f"{name} has no plain import from {module}")
            shims = [_shim(module, alias.name) for alias in node.names]
            lines[node.lineno - 1 : node.end_lineno] = ["".join(shims)] + [""] * (node.end_lineno - node.lineno)
        file.write_text("".join(lines), encoding="utf-8")


def _shim(module: str, name: str) -> str:
    return f"def {name}(*args, **kwargs):\n    from {module} import {name}\n    return {name}(*args, **kwargs)\n"


def precompile_patterns(target: Path, package: str) -> None:
    """Write the package's ``_patterns``: what ``re`` compiles while the package and all that it uses are loaded.

    Python's own compiler of patterns is written in Python: an eighth of a cold start. Its result is the same for every
    processor, and bears a number of its format, by which a Python that has another does without.
    """
    command = [sys.executable, "-I", "-S", "-B", __file__, str(target), package, *OPERATIONS]
    done = subprocess.run(command, env=_ENVIRONMENT | _path(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LeanError(f"the patterns could not be compiled:\n{done.stderr}")
    (target / package / PATTERNS).write_text(done.stdout, encoding="utf-8")


def _load(path: Path) -> Any:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def _dump(content: Any, path: Path) -> None:
    path.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")


_ENVIRONMENT = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}


def _path() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath)}


# What follows runs in an interpreter that sees the layer and the standard library, and nothing else.

_MODULE = '''"""Made by the layer's build: patterns as Python's compiler leaves them, for the cache of ``re``."""

import re
import _sre

if _sre.MAGIC == {magic} and _sre.CODESIZE == {size} and isinstance(getattr(re, "_cache", None), dict):
    for _pattern, _asked, _flags, _code, _groups, _names, _indexes in (
{rows}
    ):
        re._cache[type(_pattern), _pattern, _asked] = _sre.compile(
            _pattern, _flags, list(_code), _groups, dict(_names), _indexes
        )
'''


def _patterns(target: str, package: str, services: list[str]) -> str:
    sys.path.insert(0, target)
    from importlib import import_module

    re: Any = import_module("re")
    compiler: Any = import_module("re._compiler")
    for name in sorted(_modules(Path(target), package)):
        import_module(name)
    make = import_module(f"{package}.aws").client
    for service in services:
        make(service)

    # What is asked of the interpreter itself for a pattern.
    asked: list[tuple[Any, ...]] = []

    class Recording:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def compile(self, *parts: Any) -> Any:
            asked.append(parts)
            return real.compile(*parts)

    # A pattern that was found in no cache was compiled; what a cache has dropped would be missing here.
    cached = sorted(re._cache, key=lambda key: (key[0].__name__, repr(key[1]), key[2]))
    if len(cached) >= re._MAXCACHE:
        raise SystemExit(f"{len(cached)} patterns are more than the cache of re keeps")
    real = compiler._sre
    compiler._sre = Recording()
    rows = []
    for _, pattern, flags in cached:
        if flags & re.LOCALE:
            continue
        compiler.compile(pattern, flags)
        _, compiled, code, groups, names, indexes = asked.pop()
        row = (pattern, flags, compiled, tuple(map(int, code)), groups, tuple(names.items()), tuple(indexes))
        rows.append(f"        {row!r},")
    return _MODULE.format(magic=real.MAGIC, size=real.CODESIZE, rows="\n".join(rows))


def _modules(target: Path, package: str) -> list[str]:
    """Those of the package that can be loaded here: what needs another layer cannot."""
    from importlib.util import find_spec

    names = []
    for path in (target / package).rglob("*.py"):
        parts = path.relative_to(target).with_suffix("").parts
        tree = ast.parse(path.read_text(encoding="utf-8"))
        needed = {
            (node.module or "").partition(".")[0]
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and not node.level
        }
        needed |= {
            alias.name.partition(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names
        }
        if all(find_spec(name) for name in needed - {package}):
            names.append(".".join(parts).removesuffix(".__init__"))
    return names


if __name__ == "__main__":
    print(_patterns(sys.argv[1], sys.argv[2], sys.argv[3:]))
