"""What the load benchmark says of its calls; that it drives a stack is seen by running it."""

from __future__ import annotations

import pytest

from benchmarks.load import Step, _verdict, main
from tests.promises.history.calls import NEVER, Call, History

WAITS = ("scheduled", "queued")


def get(invoked: float, returned: float = NEVER, status: int = 200, **values: object) -> Call:
    return Call("c", "alteryx", "get", invoked, returned, status=status, **values)  # type: ignore[arg-type]


def test_a_step_counts_what_was_answered_as_it_should_be() -> None:
    calls = [get(number, number + 0.1) for number in range(90)]
    calls += [get(90, 91, 404), get(91, 92, 503, honest=True), get(92, 93, 503), get(93, note="ReadError('')")]
    step = Step(4, 10, calls)
    assert step.throughput == pytest.approx(9.1)
    assert step.errors == {"503": 2, "ReadError": 1}
    assert step.row() == "| 4 | 9.1 | 100 | 100 | 1000 | 2 × 503, 1 × ReadError |"


def test_a_lost_job_and_an_error_that_does_not_say_when_to_come_again_are_told() -> None:
    made = Call("c", "alteryx", "submit", 0, 1, job="j", wish="w", status=200, states=WAITS)
    read = get(12, 13, job="j", wish="w", states=("completed",))
    right, said = _verdict(History([made, read], rest=10), Step(1, 1, [made, get(2, 3, 503, honest=True)]))
    assert right
    assert "1 submits were answered" in said
    lost, said = _verdict(History([made, get(12, 13, 404, job="j", states=("gone",))], rest=10), Step(1, 1, []))
    assert not lost
    assert "job j is lost" in said
    broken, said = _verdict(History([made, read], rest=10), Step(1, 1, [get(2, 3, 502)]))
    assert not broken
    assert "1 errors" in said


@pytest.mark.parametrize(
    "given", [["--clients", "0"], ["--clients", "101"], ["--seconds", "-1"], ["--dialect", "none"]]
)
def test_what_would_not_end_is_refused(given: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(given)
