"""The stand-in for what the local engine's Distributed Map has not: as AWS has it, and only while it is missing."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from local import engine_map
from local.engine_map import DistributedMaps, batches, flat


def test_batches_are_bounded_in_items_and_in_bytes() -> None:
    items = [{"Key": f"{n}"} for n in range(7)]
    made = list(batches(items, {"MaxItemsPerBatch": 3, "BatchInput": {"job": 1}}))
    assert [len(batch["Items"]) for batch in made] == [3, 3, 1]
    assert all(batch["BatchInput"] == {"job": 1} for batch in made)
    assert [item for batch in made for item in batch["Items"]] == items
    size = len(json.dumps(items[0]))
    assert [len(b["Items"]) for b in batches(items, {"MaxInputBytesPerBatch": 2 * size})] == [2, 2, 2, 1]
    assert [len(b["Items"]) for b in batches(items, {"MaxInputBytesPerBatch": 1})] == [1] * 7
    assert list(batches([], {"MaxItemsPerBatch": 3})) == []


def test_an_answer_that_is_a_list_is_flattened() -> None:
    assert flat('[{"a": 1}, {"b": 2}]') == [{"a": 1}, {"b": 2}]
    assert flat('{"a": 1}') == [{"a": 1}]


class Engine(SimpleNamespace):
    """The private functions that are used, as far as they are."""

    def __init__(self, fails: bool = False) -> None:
        self._map_runs: dict[str, Any] = {}
        self._executions: dict[str, Any] = {}
        self.assigned: Any = None
        self.ran: dict[str, Any] = {}

        def _run_distributed_map(state_def: Any, raw_input: Any, effective: Any, iterator: Any, execution: Any, ctx: Any) -> Any:  # noqa: E501 # fmt: skip
            self.ran = {"state": state_def, "items": effective["items"]}
            run = "arn:mapRun:machine/Each:run-1"
            self._map_runs[run] = {"mapRunArn": run, "executionArn": execution["executionArn"]}
            for number, item in enumerate(effective["items"]):
                child = {"executionArn": str(number), "name": "n", "mapRunArn": run, "input": json.dumps(item)}
                good = {"status": "SUCCEEDED", "output": json.dumps([{"key": each} for each in item["Items"]])}
                bad = {"status": "FAILED", "error": "E", "cause": "why"}
                self._executions[str(number)] = child | (bad if number else good)
            if fails:
                raise RuntimeError("too many")
            return "stock", "Next"

        def _read_map_items(reader: Any, effective: Any, ctx: Any) -> Any:
            return reader["Parameters"]["items"]

        def _apply_jsonata_template(value: Any, raw_input: Any, ctx: Any = None, result: Any = None, error_output: Any = None) -> Any:  # noqa: E501 # fmt: skip
            return ctx[value] if isinstance(value, str) and value.startswith("{%") else value

        def _apply_jsonata_output(state_def: Any, raw_input: Any, ctx: Any = None, result: Any = None, error_output: Any = None, default: Any = None) -> Any:  # noqa: E501 # fmt: skip
            return default

        def _apply_state_assign(state_def: Any, raw_input: Any, ctx: Any, result: Any = None, error_output: Any = None) -> None:  # noqa: E501 # fmt: skip
            self.assigned = result

        self._run_distributed_map, self._read_map_items = _run_distributed_map, _read_map_items
        self._apply_jsonata_template = _apply_jsonata_template
        self._apply_jsonata_output, self._apply_state_assign = _apply_jsonata_output, _apply_state_assign
        self._state_query_language = lambda state, ctx: state.get("QueryLanguage", "JSONata")
        self._ExecutionError = ValueError


STATE = {
    "Label": "Each",
    "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"items": ["a", "b", "c"]}},
    "ItemBatcher": {"MaxItemsPerBatch": 2},
    "MaxConcurrency": "{% many %}",
    "ToleratedFailurePercentage": "{% much %}",
    "ResultWriter": {
        "Arguments": {"Bucket": "data", "Prefix": "work"},
        "WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"},
    },
    "Next": "Next",
}
CONTEXT = {"{% many %}": 50, "{% much %}": 5.5}


def maps(engine: Engine, written: dict[str, bytes]) -> DistributedMaps:
    def put(bucket: str, key: str, body: bytes) -> None:
        written[f"{bucket}/{key}"] = body

    return DistributedMaps(engine, lambda module, name, _: getattr(module, name), put)


def run(engine: Engine, written: dict[str, bytes], state: dict[str, Any] = STATE) -> Any:
    return maps(engine, written).run(state, {}, {}, {}, {"executionArn": "arn"}, CONTEXT)


def test_fields_are_evaluated_items_batched_and_results_written() -> None:
    engine, written = Engine(), dict[str, bytes]()
    output, following = run(engine, written)
    assert engine.ran["items"] == [{"Items": ["a", "b"]}, {"Items": ["c"]}]
    assert engine.ran["state"]["ToleratedFailurePercentage"] == 5.5
    assert engine.ran["state"]["MaxConcurrency"] == engine_map.MOST_AT_ONCE
    details = {"Bucket": "data", "Key": "work/run-1/manifest.json"}
    assert output == {"MapRunArn": "arn:mapRun:machine/Each:run-1", "ResultWriterDetails": details}
    assert (engine.assigned, following) == (output, "Next")
    assert written["data/work/run-1/SUCCEEDED_0.jsonl"] == b'{"key": "a"}\n{"key": "b"}\n'
    failed = json.loads(written["data/work/run-1/FAILED_0.jsonl"])
    assert (failed["Error"], failed["Cause"], json.loads(failed["Input"])) == ("E", "why", {"Items": ["c"]})
    manifest = json.loads(written["data/work/run-1/manifest.json"])
    assert {kind: len(files) for kind, files in manifest["ResultFiles"].items()} == {
        "FAILED": 1,
        "PENDING": 0,
        "SUCCEEDED": 1,
    }


def test_results_are_written_of_a_map_that_failed() -> None:
    written = dict[str, bytes]()
    with pytest.raises(RuntimeError, match="too many"):
        run(Engine(fails=True), written)
    assert "data/work/run-1/manifest.json" in written


def test_a_writer_of_another_form_is_refused() -> None:
    writer = STATE["ResultWriter"] | {"WriterConfig": {}}  # type: ignore[operator]
    with pytest.raises(ValueError, match="flat JSON lines only"):
        run(Engine(), {}, STATE | {"ResultWriter": writer})


def test_a_map_in_jsonpath_is_the_engines_own() -> None:
    engine = Engine()
    state = {"QueryLanguage": "JSONPath"}
    assert maps(engine, {}).run(state, {}, {"items": []}, {}, {"executionArn": "a"}, {}) == ("stock", "Next")


def test_an_engine_that_has_these_parts_itself_is_refused() -> None:
    engine = Engine()

    def _read_map_items(reader: Any, effective: Any, ctx: Any) -> str:
        return "ItemBatcher"

    engine._read_map_items = _read_map_items
    with pytest.raises(SystemExit, match="has ItemBatcher itself now"):
        maps(engine, {})
