"""Promise 4 for the workflows that ship, and for large files: their functions die after calls that leave something.

The long run tries both sides of every call. Step Functions invokes a function again where Lambda is to blame, and fails
the job where the function is; both are tried. The job ends; what it lists as its outputs is in S3, and whole; a job
that is completed has all of its work done.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from csvprofile.work import profile
from erasing import work as erasing
from moto import mock_aws

from jobyard.model import Job, Status
from jobyard.runner import Job as Running
from jobyard.runner import _outputs
from tests.promises.effort import CRASHES
from tests.promises.harness.buckets import Buckets
from tests.promises.harness.crashes import Site, points_of, wipe
from tests.promises.harness.stand import Play, Scene, Stand, crash, recorded
from tests.promises.harness.wire import Call, CarryOut, refusal
from tests.promises.harness.world import World

BUCKET = "data"
SETTINGS = {"projectId": 7}
FOLDER = "users/acme/7/jane/"
KEPT = "users/acme/7/janet/kept"
TABLE = b"name,people\r\nMainz,1\r\nUlm,2\r\n"
Work = Callable[[Running], object]
PART = 5 * 1024 * 1024
"""The smallest that S3 takes."""

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def buckets(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    monkeypatch.setattr(erasing, "BATCH", 3)
    monkeypatch.setattr(_outputs, "PART_BYTES", PART)
    passed: Any = {"core": {"mock_credentials": False, "passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mock_aws(config=passed):
            made = Buckets(BUCKET)
            world.wire.stand_in("s3", made)
            yield made


class _Shown:
    """What a scene is to leave, by the one job that it is about."""

    def __init__(self, stand: Stand, buckets: Buckets, done: Callable[[Job], object]) -> None:
        self._stand, self._buckets, self._done = stand, buckets, done
        stand.afterwards.append(self)

    def __call__(self) -> None:
        (job,) = self._stand.world.jobs().values()
        assert job.status in (Status.COMPLETED, Status.FAILED)
        assert job.status is not Status.FAILED or job.error
        for output in job.outputs:
            assert len(self._buckets.content(output.key)) == output.size, "half an output"
        if job.status is Status.COMPLETED:
            self._done(job)


def _played(stand: Stand, buckets: Buckets, work: Work, answers: dict[str, str], done: Callable[[Job], object]) -> Play:
    buckets.clear()
    caller, alteryx = stand.alteryx()
    alteryx.workflow = stand.world.yard.workflow(settings=SETTINGS)
    alteryx.answers = answers
    stand.works(lambda job, _: work(job))
    caller.submit("a")
    _Shown(stand, buckets, done)
    return stand.world.rest


_OUTSIDE = ("s3.", "dynamodb.UpdateItem")
"""Calls that leave something: all that the quick run tries."""


def _profile(buckets: Buckets) -> Scene:
    def done(job: Job) -> None:
        assert [each.name for each in job.outputs] == ["profile.csv", "profile.json"]
        assert b'"rows":2' in buckets.content(job.outputs[1].key).replace(b" ", b"")

    def prepare(stand: Stand) -> Play:
        play = _played(stand, buckets, profile, {"input": f"s3://{BUCKET}/inputs/acme/a.csv"}, done)
        buckets.put("inputs/acme/a.csv", TABLE)
        return play

    return Scene("workflow", "profile", prepare)


def _erase(buckets: Buckets) -> Scene:
    def done(_: Job) -> None:
        assert buckets.keys() == [KEPT], "completed, and not all is erased"

    def prepare(stand: Stand) -> Play:
        play = _played(stand, buckets, erasing.erase, {"UserId": "jane"}, done)
        for key in (KEPT, *(f"{FOLDER}{n}" for n in range(7))):
            buckets.put(key, b"12345")
        stand.afterwards.append(lambda: _is_kept(buckets))
        return play

    return Scene("workflow", "erase", prepare)


def _is_kept(buckets: Buckets) -> None:
    assert KEPT in buckets.keys()  # noqa: SIM118 - a method of ours


def _a_large_file(buckets: Buckets) -> Scene:
    content = b"0123456789abcdef" * (PART // 16) + b"the rest"

    def done(job: Job) -> None:
        assert buckets.content(job.outputs[0].key) == content
        assert not job.outputs[1:]

    def prepare(stand: Stand) -> Play:
        return _played(stand, buckets, lambda job: job.attach("large.bin", content), {}, done)

    return Scene("workflow", "a file in parts", prepare)


@pytest.mark.parametrize("scene_of", [_profile, _erase, _a_large_file])
def test_a_function_that_dies_leaves_nothing_half_done(
    world: World, buckets: Buckets, scene_of: Callable[[Buckets], Scene]
) -> None:
    scene = scene_of(buckets)
    sites = recorded(world, scene).sites
    known: set[Site] | None = None if CRASHES else set()
    swept = 0
    for point in points_of(sites, known):
        site = sites[point.number]
        if site.function not in ("", "profile", "erase") or not (CRASHES or site.call.startswith(_OUTSIDE)):
            continue
        for tries in (1, 2) if CRASHES else (1 + swept % 2,):
            try:
                assert crash(world, scene, [point], tries).met == 1
                if tries > 1:
                    (job,) = world.jobs().values()
                    assert job.status is Status.COMPLETED, "it was invoked again"
            except AssertionError as error:
                error.add_note(f"{scene}: died {'after' if point.after else 'before'} {site}, tries: {tries}")
                raise
            swept += 1
    print(f"{scene}: {swept} crashes")  # noqa: T201 - how much was tried is part of what this test says
    assert swept


def test_an_upload_that_fails_is_not_left_in_parts(world: World, buckets: Buckets) -> None:
    """One whose process died is: the bucket's own lifecycle removes it after a day."""
    scene = _a_large_file(buckets)
    parts = [site for site in recorded(world, scene).sites if site.call == "s3.UploadPart"]
    assert len(parts) == 2

    def fails(call: Call, carry_out: CarryOut) -> Any:
        return refusal("AccessDenied", 403) if str(call) == "s3.CompleteMultipartUpload" else carry_out()

    wipe(world)
    stand = Stand(world, 1)
    stand.inner = fails
    play = scene.prepare(stand)
    with world.wire.gate(fails):
        play()
    (job,) = world.jobs().values()
    assert job.status is Status.FAILED
    assert not job.outputs
    assert buckets.uploads() == []
