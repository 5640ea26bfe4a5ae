"""What a job author's function can count on. One caller at a time: races are tested on a real database."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from jobyard import runner
from jobyard.runner import _outputs
from tests.runner_world import EVENT, JOB_ID, TENANT, World

if TYPE_CHECKING:
    from pathlib import Path


def run(function: Any, **more: Any) -> Any:
    return runner.job(function)({**EVENT, **more})


def test_the_event_becomes_the_job(world: World) -> None:
    world.put_job()
    job = runner.Job(EVENT)
    assert (job.id, job.tenant, job.workflow.name) == (JOB_ID, TENANT, "Profile")
    assert job.questions == {"input": "s3://data/inputs/acme/a.csv"}
    assert job.settings == {"inputs": []}
    assert job.submitted_by == runner.Person("jane", "Jane Doe")
    assert job.task is None
    assert json.loads(json.dumps(job.ticket)) == EVENT


@pytest.mark.parametrize("event", [{}, [], None, "x", {"id": "", "tenant": "a"}, {**EVENT, "workflow": 3}])
def test_an_event_that_is_no_job_says_so(world: World, event: Any) -> None:
    with pytest.raises(ValueError, match="not a job of Jobyard"):
        runner.job(lambda _: None)(event)


def test_a_function_without_its_environment_says_what_is_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLE_NAME")
    with pytest.raises(RuntimeError, match="TABLE_NAME is not set"):
        runner.job(lambda _: None)(EVENT)


def test_messages_are_written_in_order_with_their_level(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        job.log("one")
        job.warn("two", tool_id=7)
        job.error("three")
        for number in range(20):
            job.log(number)

    run(work)
    assert world.messages() == [(1, "one"), (2, "two"), (3, "three"), *((1, str(n)) for n in range(20))]
    two = world.items()[2]
    assert two["toolId"] == {"N": "7"}
    assert two["expiresAt"] == {"N": "1900000000"}
    assert two["sk"]["S"].startswith(f"MSG#{int(two['at']['N']):013d}-")


def test_a_long_message_is_cut_with_a_mark_and_bad_unicode_is_stored(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        job.log("x" * 5000)
        job.log("a\udc80b")
        job.log("")

    run(work)
    assert [text for _, text in world.messages()] == ["x" * 4000 + "… (1,000 more characters)", "a?b", ""]


def test_a_message_that_cannot_be_written_fails_the_job_rather_than_being_lost(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        world.dynamodb.delete_table(TableName="jobs")
        job.log("lost")

    with pytest.raises(ClientError):
        run(work)


def test_progress_is_throttled_and_moved_into_its_range(world: World) -> None:
    world.put_job()
    seen = []

    def work(job: runner.Job) -> None:
        for seconds, done in [(0, -1.0), (1, 0.3), (1, 0.4), (5, 0.401), (5, float("nan")), (5, 7)]:
            world.seconds += seconds
            job.progress(done)
            seen.append(world.job()["progress"]["N"])

    run(work)
    assert [float(value) for value in seen] == [0, 0, 0.4, 0.4, 0.4, 1]


def test_progress_that_cannot_be_written_does_not_fail_the_job(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        world.dynamodb.delete_table(TableName="jobs")
        world.seconds += 60
        job.progress(0.5)
        assert not job.cancelled

    run(work)
    assert "progress was not written" in caplog.text
    assert "could not look for a cancel" in caplog.text


def test_cancelled_looks_at_most_every_two_seconds_and_stays(world: World) -> None:
    world.put_job()
    seen = []

    def work(job: runner.Job) -> None:
        world.put_job("cancelled")
        seen.append(job.cancelled)
        world.seconds += 2
        seen.append(job.cancelled)
        world.put_job("running")
        world.seconds += 60
        seen.append(job.cancelled)

    run(work)
    assert seen == [False, True, True]


@pytest.mark.parametrize("status", ["cancelled", "failed", "completed"])
@pytest.mark.parametrize("call", ["progress", "attach", "heartbeat"])
def test_a_call_on_a_job_that_runs_no_more_ends_the_function_quietly(world: World, status: str, call: str) -> None:
    world.put_job()
    reached = []

    def work(job: runner.Job) -> None:
        world.put_job(status)
        world.seconds += 2
        try:
            {
                "progress": lambda: job.progress(0.5),
                "attach": lambda: job.attach("a.txt", "a"),
                "heartbeat": job.heartbeat,
            }[call]()
        except Exception:  # noqa: BLE001 - as an author might write
            reached.append("swallowed")
        reached.append("went on")

    run(work)
    assert reached == []
    assert world.job()["outputs"] == {"L": []}
    assert "progress" not in world.job()


@pytest.mark.parametrize("status", ["cancelled", "completed", "queued", None])
def test_a_job_that_does_not_run_is_not_worked_on(world: World, status: str | None) -> None:
    if status:
        world.put_job(status)
    run(lambda _: pytest.fail("worked on"))


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "str", "path", "binary file", "text file"])
def test_attach_takes_every_kind_of_data(world: World, kind: str, tmp_path: Path) -> None:
    world.put_job()
    text = "a,b\n1,é\n"
    path = tmp_path / "x"
    path.write_bytes(text.encode())
    data: Any = {
        "bytes": text.encode(),
        "bytearray": bytearray(text.encode()),
        "str": text,
        "path": path,
        "binary file": io.BytesIO(text.encode()),
        "text file": io.StringIO(text),
    }[kind]
    run(lambda job: job.attach("result.csv", data))
    (output,) = world.outputs()
    assert (output["name"], output["fileName"], output["format"]) == ("result.csv", "result.csv", "csv")
    assert output["size"] == "9"
    assert output["key"] == f"outputs/acme/{JOB_ID}/{output['id']}/result.csv"
    assert world.content(output["key"]) == text.encode()
    assert world.s3.head_object(Bucket="data", Key=output["key"])["ContentType"] == "text/csv"


@pytest.mark.parametrize("size", [0, 5 * 2**20 - 1, 5 * 2**20, 5 * 2**20 + 1, 10 * 2**20 + 3])
def test_a_file_of_any_size_arrives_whole(world: World, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outputs, "PART_BYTES", 5 * 2**20)
    world.put_job()

    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or -1, 2**20))

    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    run(lambda job: job.attach("big.bin", Trickle(content)))
    (output,) = world.outputs()
    assert output["size"] == str(size)
    assert world.content(output["key"]) == content


def test_a_large_file_that_breaks_off_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outputs, "PART_BYTES", 5 * 2**20)
    world.put_job()

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 10 * 2**20:
                raise OSError("the pipe broke")
            return super().read(size)

    with pytest.raises(OSError, match="the pipe broke"):
        run(lambda job: job.attach("big.bin", Broken(bytes(20 * 2**20))))
    assert world.outputs() == []
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket="data")


def test_the_same_name_replaces_also_when_the_function_is_run_again(world: World) -> None:
    world.put_job()
    run(lambda job: [job.attach(n, "1") for n in ("a.txt", "b.txt", "a.txt")])
    run(lambda job: job.attach("b.txt", "second run"))
    first, second = world.outputs()
    assert (first["name"], second["name"], second["size"]) == ("a.txt", "b.txt", "10")
    assert first["id"] != second["id"]
    assert world.content(second["key"]) == b"second run"


def test_a_view_that_is_out_of_date_loses_no_output(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        job.attach("a.txt", "a")
        other = runner.Job(EVENT)
        other.attach("b.txt", "b")
        job.attach("c.txt", "c")
        job.attach("b.txt", "bb")

    run(work)
    assert [output["name"] for output in world.outputs()] == ["a.txt", "b.txt", "c.txt"]


def test_a_job_has_at_most_100_outputs_and_they_can_still_be_replaced(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        for number in range(100):
            job.attach(f"{number}.txt", "")
        job.attach("7.txt", "seven")
        job.attach("100.txt", "")

    with pytest.raises(ValueError, match="at most 100 outputs"):
        run(work)
    assert len(world.outputs()) == 100
    assert world.outputs()[7]["size"] == "5"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb", "x" * 256, "é" * 128])
def test_a_bad_name_is_refused_before_anything_is_written(world: World, name: str) -> None:
    world.put_job()
    with pytest.raises(ValueError, match="cannot name an output"):
        run(lambda job: job.attach(name, "x"))
    assert "Contents" not in world.s3.list_objects_v2(Bucket="data")


def test_data_of_another_type_is_refused_with_what_is_taken(world: World) -> None:
    world.put_job()
    with pytest.raises(TypeError, match=r"takes bytes, str, a path or an open file, not dict"):
        run(lambda job: job.attach("a.json", {"a": 1}))


def test_an_authors_exception_is_told_to_the_user_and_goes_on_to_the_state_machine(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        raise ValueError("no such column")

    with pytest.raises(ValueError, match="no such column"):
        run(work)
    assert world.messages() == [(3, "ValueError: no such column")]


def test_an_expected_failure_shows_its_text_alone_and_no_traceback_of_the_author(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        try:
            raise KeyError("inner")
        except KeyError:
            raise runner.Failed("The file is empty.") from None

    with pytest.raises(runner.Failed, match=r"^The file is empty\.$") as raised:
        run(work)
    assert world.messages() == [(3, "The file is empty.")]
    assert raised.value.__cause__ is None
    assert "work" not in [entry.name for entry in raised.traceback]


def test_a_report_too_long_for_the_state_machine_is_cut_and_logged_whole(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def endless(job: runner.Job) -> None:
        endless(job)

    def wordy(job: runner.Job) -> None:
        raise ValueError("x" * 40_000)

    world.put_job()
    with pytest.raises(runner.Failed, match="RecursionError: maximum recursion depth") as raised:
        run(endless)
    assert len(raised.traceback) < 10
    with pytest.raises(runner.Failed, match=r"ValueError: x+… ") as raised:
        run(wordy)
    assert len(str(raised.value)) < 4100
    assert "in endless" in caplog.text


def test_the_first_failure_is_told_even_when_its_message_cannot_be_written(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        world.dynamodb.delete_table(TableName="jobs")
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        run(work)
    assert "the error message was not written" in caplog.text


def test_what_the_function_returns_is_not_sent_to_the_state_machine(world: World) -> None:
    world.put_job()
    assert runner.job(lambda _: "x" * 300_000)(EVENT) is None


def test_seconds_left_come_from_lambdas_context(world: World) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 1500

    assert runner.Job(EVENT, Context()).seconds_left == 1.5
    assert runner.Job(EVENT).seconds_left == float("inf")


# By task token


def test_a_job_function_with_a_token_ends_its_job_by_token(world: World) -> None:
    world.put_job()
    run(lambda job: job.progress(0.5), taskToken="t")
    assert world.sent == [
        ("send_task_heartbeat", {"taskToken": "t"}),
        ("send_task_success", {"taskToken": "t", "output": "{}"}),
    ]


def test_a_failure_with_a_token_is_sent_and_not_raised(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        raise ValueError("bad")

    run(work, taskToken="t")
    ((operation, arguments),) = world.sent
    assert (operation, arguments["error"]) == ("send_task_failure", "ValueError")
    assert json.loads(arguments["cause"]) == {"errorMessage": "bad", "errorType": "ValueError"}
    assert world.messages() == [(3, "ValueError: bad")]
    assert "Traceback" in caplog.text


def test_a_callback_function_leaves_its_job_running_and_the_ticket_ends_it(world: World) -> None:
    world.put_job()
    queue: list[str] = []
    runner.callback(lambda job: queue.append(json.dumps(job.ticket)))({**EVENT, "taskToken": "t"})
    assert world.sent == []

    runner.job(lambda job: job.log("done elsewhere"))(json.loads(queue[0]))
    assert world.sent == [("send_task_success", {"taskToken": "t", "output": "{}"})]
    assert world.messages() == [(1, "done elsewhere")]


def test_a_callback_function_that_raises_fails_its_job(world: World) -> None:
    world.put_job()

    def start(job: runner.Job) -> None:
        raise runner.Failed("The queue is full.")

    runner.callback(start)({**EVENT, "taskToken": "t"})
    assert [operation for operation, _ in world.sent] == ["send_task_failure"]


def test_a_job_can_be_ended_by_hand_once(world: World) -> None:
    world.put_job()

    def work(job: runner.Job) -> None:
        assert job.task
        job.task.fail("The other side said no.")
        raise ValueError("after the end")

    run(work, taskToken="t")
    ((operation, arguments),) = world.sent
    assert operation == "send_task_failure"
    assert json.loads(arguments["cause"])["errorMessage"] == "The other side said no."


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_a_refused_heartbeat_means_cancelled(world: World, code: str) -> None:
    world.put_job()
    world.task_error = code
    reached = []

    def work(job: runner.Job) -> None:
        job.heartbeat()
        reached.append("went on")

    run(work, taskToken="t")
    assert reached == []
    assert [operation for operation, _ in world.sent] == ["send_task_heartbeat"]


@pytest.mark.parametrize("end", ["succeed", "fail"])
def test_an_answer_for_a_task_that_is_over_is_quiet(world: World, end: str) -> None:
    world.put_job()
    world.task_error = "TaskTimedOut"

    def work(job: runner.Job) -> None:
        if end == "fail":
            raise ValueError("bad")

    run(work, taskToken="t")
    assert len(world.sent) == 1


def test_an_end_that_cannot_be_told_is_raised(world: World) -> None:
    world.put_job()
    world.task_error = "InvalidToken"
    with pytest.raises(ClientError, match="InvalidToken"):
        run(lambda _: None, taskToken="t")


def test_heartbeats_are_throttled_and_survive_a_passing_fault(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.put_job()
    world.task_error = "ServiceUnavailable"

    def work(job: runner.Job) -> None:
        for _ in range(3):
            job.heartbeat()
            world.seconds += 2.5
        world.task_error = None

    with caplog.at_level(logging.WARNING):
        run(work, taskToken="t")
    assert [operation for operation, _ in world.sent].count("send_task_heartbeat") == 2
    assert "heartbeat was not sent" in caplog.text


def test_a_function_that_asks_to_be_called_again_gets_its_state_back(world: World) -> None:
    world.put_job()
    seen: list[Any] = []

    def work(job: runner.Job) -> None:
        seen.append(job.state)
        try:
            if job.state is None:
                job.again({"done": 1})
        except Exception:  # noqa: BLE001 - as a careless author has it
            raise AssertionError from None

    answer = run(work)
    assert answer == {"again": {"done": 1}}
    assert run(work, state=answer["again"]) is None
    assert seen == [None, {"done": 1}]
    assert world.messages() == []


def test_a_state_too_large_to_be_carried_is_refused(world: World) -> None:
    world.put_job()
    with pytest.raises(ValueError, match="at most 32,768 bytes"):
        run(lambda job: job.again({"keys": "x" * 33_000}))


def test_a_worker_with_a_token_goes_on_by_itself(world: World) -> None:
    world.put_job()
    run(lambda job: job.again({}), taskToken="t")
    ((operation, told),) = world.sent
    assert operation == "send_task_failure"
    assert "cannot be called again" in told["cause"]
