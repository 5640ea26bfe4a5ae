"""Functions and layers as they are deployed, unpacked into folders; and the references, built of the same packages."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from local.artifacts import layer_archive
from local.errors import LocalError
from local.processes import locked
from local.template import ROOT

HANDLERS = Path(__file__).with_name("handlers")
LAYER = "JobyardLayer"
MEGABYTE = 1_000_000


def layer(folder: Path) -> Path:
    """The layer of the functions, from the archive that the local run deploys; what is on the runtime's path of it."""
    target = folder / LAYER
    archive, _ = layer_archive(LAYER, ROOT / "layers" / "jobyard")
    shutil.rmtree(target, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        content.extractall(target)
    return target / "python"


def zipped_mb(tree: Path) -> float:
    """As `sam package` packs it: deflated, at zlib's usual level."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files(tree):
            archive.write(path, path.relative_to(tree.parent))
    return len(packed.getvalue()) / MEGABYTE


def files(tree: Path) -> Iterator[Path]:
    yield from sorted(path for path in tree.rglob("*") if path.is_file())


def usual() -> Path:
    """The usual handler with its packages, as `sam build` lays them beside it: sources, and nothing compiled."""
    requirements = ROOT / "requirements" / "usual.txt"
    target = ROOT / ".local" / "bench" / "usual"
    stamp = target / "stamp"
    with locked(ROOT / ".local" / "bench.lock"):
        if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
            shutil.rmtree(target, ignore_errors=True)
            installed = subprocess.run(
                [
                    *(_uv(), "pip", "install", "--quiet", "--link-mode=copy", "--no-compile-bytecode"),
                    *("--require-hashes", f"--python={sys.executable}", "--target", str(target)),
                    *("-r", str(requirements)),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if installed.returncode:
                raise LocalError(f"The usual handler's packages could not be installed:\n{installed.stderr}")
            stamp.write_bytes(requirements.read_bytes())
        shutil.copy(HANDLERS / "usual" / "app.py", target)
    return target


def _uv() -> str:
    search = os.pathsep.join([os.environ.get("PATH", ""), str(ROOT / ".local" / "uv" / "bin")])
    return shutil.which("uv", path=search) or "uv"
