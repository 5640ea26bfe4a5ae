"""The machine over many objects: what AWS runs is a standard Distributed Map, complete in its retries and bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from statelint.linter import Linter

from local.template import ROOT, load

MACHINE: dict[str, Any] = json.loads((ROOT / "statemachine" / "inventory.asl.json").read_text(encoding="utf-8"))
MAPS = ("EachOfPrefix", "EachOfList")


def states(machine: dict[str, Any] = MACHINE) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from states(inner)


STATES = dict(states())


def test_it_is_valid_amazon_states_language() -> None:
    machine = json.loads(json.dumps(MACHINE))
    # The linter knows neither JSONata in numbers nor these fields of a map, which are of 2024 and 2025.
    for name, state in states(machine):
        if state["Type"] == "Wait":
            state["Seconds"] = 1
        if name in MAPS:
            state |= {"MaxConcurrency": 1, "ToleratedFailurePercentage": 1}
            state["ItemBatcher"]["MaxItemsPerBatch"] = 1
            del state["Label"], state["ResultWriter"]["WriterConfig"]
            state["ItemReader"].pop("ReaderConfig", None)
    assert Linter.validate(machine) == []


def test_it_is_given_all_that_it_refers_to() -> None:
    given = load()["Resources"]["InventoryStateMachine"]["Properties"]["DefinitionSubstitutions"]
    assert set(given) == {"StepsFunctionArn"}
    assert json.dumps(MACHINE).count("${") == json.dumps(MACHINE).count("${StepsFunctionArn}") == 3


@pytest.mark.parametrize("name", MAPS)
def test_a_map_reads_batches_bounds_and_writes(name: str) -> None:
    each = STATES[name]
    assert each["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert each["ToleratedFailurePercentage"] == "{% $plan.tolerance %}"
    assert each["MaxConcurrency"] == "{% $plan.concurrency %}"
    # A child's input and answer have 256 KiB: see jobyard.runner._objects.
    assert each["ItemBatcher"]["MaxInputBytesPerBatch"] == 65_536
    assert each["ResultWriter"]["WriterConfig"] == {"Transformation": "FLATTEN", "OutputType": "JSONL"}
    assert [caught["ErrorEquals"] for caught in each["Catch"]] == [["States.ExceedToleratedFailureThreshold"]]


def test_the_maps_differ_in_what_they_read_only() -> None:
    prefix, of_list = (dict(STATES[name]) for name in MAPS)
    assert prefix.pop("ItemReader")["Resource"] == "arn:aws:states:::s3:listObjectsV2"
    assert of_list.pop("ItemReader")["ReaderConfig"] == {"InputType": "JSONL"}
    text = json.dumps(of_list).replace("BatchOfList", "Batch").replace("EachOfList", "EachOfPrefix")
    assert json.loads(text) == prefix


@pytest.mark.parametrize("name", MAPS)
def test_children_use_their_own_input_only(name: str) -> None:
    # In AWS a child execution does not see its parent's variables; the local engine would let it.
    processor = json.dumps(STATES[name]["ItemProcessor"])
    assert "$plan" not in processor
    assert "$job" not in processor


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Task"])
def test_no_task_without_retry_and_timeout(name: str) -> None:
    task = STATES[name]
    assert isinstance(task["TimeoutSeconds"], int)
    (retrier,) = task["Retry"]
    # Of a function that raised, nothing is run again.
    assert all(error.startswith("Lambda.") for error in retrier["ErrorEquals"])
    assert retrier["JitterStrategy"] == "FULL"


def test_it_runs_no_longer_than_the_job_that_waits_for_it() -> None:
    job = json.loads((ROOT / "statemachine" / "job.asl.json").read_text(encoding="utf-8"))
    assert "$deadline" in job["States"]["RunStateMachine"]["TimeoutSeconds"]
    (without_a_limit,) = re.findall(r"timeLimit : (\d+)\)", job["States"]["Start"]["Assign"]["deadline"])
    assert MACHINE["TimeoutSeconds"] <= int(without_a_limit)
