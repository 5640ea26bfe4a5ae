"""What is deployed, as archives: layers by the same Makefile targets that `sam build` runs, functions as they are."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from local.errors import LocalError
from local.processes import locked
from local.template import ROOT

CACHE = ROOT / ".local" / "build"

# What a build leaves in the folder of its sources.
_IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def function_archive(source: Path) -> bytes:
    """A function's folder, zipped. LocalError if there is nothing in it."""
    files = list(_files(source))
    if not files:
        raise LocalError(f"{source} has no code to deploy")
    return _zipped(source, files)


def layer_archive(logical_id: str, source: Path) -> tuple[bytes, bool]:
    """The layer of that name in the template, zipped, and whether it had to be built.

    A build is kept under the hash of its sources, so that only a change builds again.
    """
    digest = hashlib.sha256(logical_id.encode())
    for file in _files(source):
        digest.update(f"\0{file.relative_to(source)}\0".encode() + file.read_bytes())
    kept = CACHE / f"{logical_id}-{digest.hexdigest()[:20]}.zip"
    with locked(CACHE / f"{logical_id}.lock"):
        if kept.exists():
            return kept.read_bytes(), False
        archive = _built(logical_id, source)
        for old in CACHE.glob(f"{logical_id}-*.zip"):
            old.unlink()
        unfinished = kept.with_suffix(".part")
        unfinished.write_bytes(archive)
        unfinished.rename(kept)
        return archive, True


def _built(logical_id: str, source: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="jobyard-layer-") as scratch:
        # As SAM does, a copy is built: nothing is left in the sources, and they may change meanwhile.
        copy, artifacts = Path(scratch, "source"), Path(scratch, "artifacts")
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*_IGNORED))
        artifacts.mkdir()
        made = subprocess.run(
            ["make", f"build-{logical_id}", f"ARTIFACTS_DIR={artifacts}"],
            cwd=copy,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise LocalError(
                f"{logical_id} could not be built:\n{(made.stdout + made.stderr).strip()[-2000:]}\n"
                f"Try it alone: make -C {source.relative_to(ROOT)} build-{logical_id} ARTIFACTS_DIR=/tmp/layer"
            )
        return _zipped(artifacts, _files(artifacts, ignored=set()))


def _environment() -> dict[str, str]:
    """This interpreter and the uv that `make env` found or fetched, first on PATH."""
    ours = [str(ROOT / ".venv" / "bin"), str(ROOT / ".local" / "uv" / "bin")]
    # MAKEFLAGS of a `make run` would pass its own PORT= on to the layer's Makefile.
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return inherited | {"PATH": os.pathsep.join([*ours, os.environ.get("PATH", "")])}


def _files(folder: Path, ignored: set[str] = _IGNORED) -> Iterable[Path]:
    """All files below, in an order that is the same everywhere."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and ignored.isdisjoint(path.relative_to(folder).parts)
    )


def _zipped(folder: Path, files: Iterable[Path]) -> bytes:
    buffer = io.BytesIO()
    # Level 1: the engine is on this machine, so time is dearer than size.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in files:
            entry = zipfile.ZipInfo(str(file.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes(), compresslevel=1)
    return buffer.getvalue()
