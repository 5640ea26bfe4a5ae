"""Build a Lambda layer into a folder: one artefact that runs on x86_64 and on aarch64.

`sam build` runs this through the Makefile beside it, on a copy of the folder alone, so it
needs nothing but Python 3.13 and either uv or pip. What it does, and why:

* third-party wheels are installed once per architecture from pinned, hashed requirements and
  merged: the pure-Python part must be the same, extension modules lie side by side under their
  tagged names (`x.cpython-313-<arch>-linux-gnu.so`), of which each interpreter sees its own;
* botocore's data is cut to what is called, imports that nobody needs are put off, and patterns
  are compiled here (`leaner.py`);
* every module gets an unchecked-hash `.pyc`: SAM dates all files 1980, so one that is checked
  by time would never be valid, and `/opt` cannot be written to keep a better one;
* nothing of the machine or the hour is in the result: two builds are equal byte for byte,
  with uv as with pip.
"""

from __future__ import annotations

import argparse
import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import leaner

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = (3, 13)
ARCHITECTURES = ("x86_64", "aarch64")
MANYLINUX = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""Best first. Lambda's Amazon Linux 2023 has glibc 2.34, so newer tags than that may not run."""

OPT = "/opt/python"
"""Where Lambda puts a layer's `python` folder: the path that tracebacks show."""

EPOCH = 315532800
"""1980-01-01 in seconds: the earliest date that a zip archive can hold."""

DIST_INFO_FILES = ("METADATA", "entry_points.txt", "licenses", "LICENSE", "LICENSE.txt", "NOTICE")
"""What stays of a `.dist-info`: enough for importlib.metadata, and what licences ask for."""

PRUNED_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h", ".exe")
PRUNED_FOLDERS = ("bin", "__pycache__", "tests", "testing", "swagger_ui")


class BuildError(Exception):
    """The layer cannot be built here; the message says what to do."""


def build(out: Path, requirements: Path | None, package: Path | None) -> None:
    """Make `out`/python afresh.

    Raises BuildError where a tool is missing, wheels of the two architectures disagree, or a
    module does not compile.
    """
    if sys.version_info[:2] != PYTHON:
        raise BuildError(f"Python {_dotted(PYTHON)} is needed for its .pyc, not {sys.version.split()[0]}")
    target = out / "python"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if requirements:
        with tempfile.TemporaryDirectory(prefix="jobyard-layer-") as scratch:
            trees = {arch: Path(scratch, arch) for arch in ARCHITECTURES}
            for arch, tree in trees.items():
                install(requirements, tree, arch)
                prune(tree)
            merge(trees, target)
    if package:
        shutil.copytree(package, target / package.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    if requirements and package:
        leaner.defer(target)
    compile_all(target)
    if requirements and package:
        # By an interpreter that loads what is compiled.
        leaner.precompile_patterns(target, package.name)
        compile_all(target, f"{package.name}/{leaner.PATTERNS}")
    normalise(target)


def install(requirements: Path, tree: Path, arch: str) -> None:
    """Put the wheels that `requirements` pins, for one architecture, into `tree`."""
    common = ["--target", str(tree), "--only-binary", ":all:", "--no-deps"]
    common += ["--require-hashes", "-r", str(requirements)]
    if uv := shutil.which("uv"):
        # Copies, not uv's hard links: what is changed here must not reach its cache.
        options = [
            "--link-mode=copy",
            f"--python={sys.executable}",
            f"--python-platform={arch}-{MANYLINUX[0]}",
        ]
        command = [uv, "pip", "install", "--quiet", *options, *common]
    else:
        platforms = [f"--platform={tag}_{arch}" for tag in MANYLINUX]
        options = ["--no-compile", "--implementation=cp", f"--python-version={_dotted(PYTHON)}", *platforms]
        command = [*_pip(tree.parent), "install", "--quiet", *options, *common]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise BuildError(f"installing for {arch} failed: {' '.join(command)}\n{done.stdout}")


def _pip(scratch: Path) -> list[str]:
    """A pip: this interpreter's, any on PATH (it installs for another Python), or a fresh one."""
    for command in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        try:
            if not subprocess.run([*command, "--version"], capture_output=True, check=False).returncode:
                return command
        except OSError:
            continue
    made = scratch / "pip"
    if subprocess.run([sys.executable, "-m", "venv", str(made)], capture_output=True, check=False).returncode:
        raise BuildError("neither uv nor pip was found: put one of them on PATH")
    return [str(made / "bin" / "python"), "-m", "pip"]


def prune(tree: Path) -> None:
    """Drop what no function reads, and rename stable-ABI extensions to their tagged names."""
    for path in _files(tree):
        relative = path.relative_to(tree)
        info = next((i for i, part in enumerate(relative.parts) if part.endswith(".dist-info")), None)
        if info is not None:
            keep = len(relative.parts) > info + 1 and relative.parts[info + 1] in DIST_INFO_FILES
        else:
            hidden = path.name.startswith(".")
            pruned = path.suffix in PRUNED_SUFFIXES or set(PRUNED_FOLDERS).intersection(relative.parts[:-1])
            keep = not hidden and not pruned
        if not keep:
            path.unlink()
    for path in _files(tree):
        if path.name.endswith(".abi3.so"):
            path.rename(path.with_name(path.name.removesuffix(".abi3.so") + f".{_tag(tree.name)}.so"))
    if (tree / "botocore").is_dir():
        leaner.cut_botocore(tree / "botocore" / "data")


def merge(trees: dict[str, Path], target: Path) -> None:
    """Lay the architectures' trees over each other. Raises BuildError where they differ."""
    for arch, tree in trees.items():
        for path in _files(tree):
            place = target / path.relative_to(tree)
            if ".dist-info" in str(place) and place.exists():
                continue
            if place.exists() and place.read_bytes() != path.read_bytes():
                raise BuildError(f"{path.relative_to(tree)} differs between {' and '.join(trees)}")
            if path.suffix == ".so" and not path.name.endswith(f".{_tag(arch)}.so"):
                raise BuildError(f"{path.relative_to(tree)} does not name its architecture, {arch}")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    names = [{str(p.relative_to(t)) for p in _files(t) if p.suffix != ".so"} for t in trees.values()]
    if uneven := set[str]().union(*names) - names[0].intersection(*names):
        raise BuildError(f"not in the wheels of every architecture: {', '.join(sorted(uneven))}")


def compile_all(target: Path, modules: str = "*.py") -> None:
    """Put a `.pyc` that is valid whatever the source's date beside every module."""
    for path in _files(target):
        if path.match(modules) and not compileall.compile_file(
            path,
            quiet=1,
            stripdir=str(target),
            prependdir=OPT,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        ):
            raise BuildError(f"{path.relative_to(target)} does not compile")


def normalise(tree: Path) -> None:
    """Give every file and folder the same date and rights, and drop folders that hold nothing."""
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        else:
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (EPOCH, EPOCH))
    tree.chmod(0o755)
    os.utime(tree, (EPOCH, EPOCH))


def _files(tree: Path) -> Iterator[Path]:
    """The files under `tree`, sorted, as they were when the walk began."""
    yield from sorted(path for path in tree.rglob("*") if path.is_file())


def _tag(arch: str) -> str:
    return f"cpython-{PYTHON[0]}{PYTHON[1]}-{arch}-linux-gnu"


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="the folder that becomes the layer")
    parser.add_argument("--requirements", type=Path, help="pinned requirements with hashes")
    parser.add_argument("--package", type=Path, help="a package of our own to add")
    args = parser.parse_args()
    try:
        build(args.out.resolve(), args.requirements, args.package)
    except (BuildError, leaner.LeanError) as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
