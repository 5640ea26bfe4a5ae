"""The parts of a Distributed Map that MiniStack 1.5.33 has not. Loaded by engine_entry.py, in the engine's process.

What fails in the stock engine, in ministack/services/stepfunctions.py:

* line 2732, ``_read_map_items``: ``_resolve_params_obj(reader.get("Parameters") or reader.get("Arguments") …)`` takes
  JSONata as plain text, so the bucket is called ``{% $plan.bucket %}`` and the map fails with ItemReaderFailed;
* line 2783, ``_run_distributed_map``: ``float(state_def.get("ToleratedFailurePercentage") or 0)``, and ``int(…)`` of
  MaxConcurrency before it, raise ValueError for JSONata;
* the same function knows neither ItemBatcher, so each item would be a call of its own, nor ResultWriter, so nothing is
  written, nor JSONata's Output and Assign.

Here these fields are evaluated, items put into batches, and results written; the children run in the stock engine.
"""

from __future__ import annotations

import inspect
import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

# Each child that runs at once has a process of its function's; AWS has the machine's own number.
MOST_AT_ONCE = 4

_NUMBERS = ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount")
_MISSING = ("ItemBatcher", "ResultWriter", "jsonata")

type State = dict[str, Any]
type Put = Callable[[str, str, bytes], None]


class DistributedMaps:
    def __init__(self, stepfunctions: Any, guard: Callable[[Any, str, list[str]], Any], put: Put) -> None:
        self._engine = stepfunctions
        self._put = put
        self._stock = guard(
            stepfunctions,
            "_run_distributed_map",
            ["state_def", "raw_input", "effective", "iterator", "execution", "ctx"],
        )
        self._read = guard(stepfunctions, "_read_map_items", ["reader", "effective", "ctx"])
        guard(stepfunctions, "_apply_jsonata_template", ["value", "raw_input", "ctx", "result", "error_output"])
        guard(
            stepfunctions,
            "_apply_jsonata_output",
            ["state_def", "raw_input", "ctx", "result", "error_output", "default"],
        )
        guard(stepfunctions, "_apply_state_assign", ["state_def", "raw_input", "ctx", "result", "error_output"])
        source = inspect.getsource(self._stock) + inspect.getsource(self._read)
        if found := [each for each in _MISSING if each in source]:
            raise SystemExit(f"MiniStack's Distributed Map has {', '.join(found)} itself now: see local/engine_map.py")

    def patch(self) -> None:
        self._engine._run_distributed_map = self.run

    def run(
        self, state: State, raw_input: Any, effective: Any, iterator: State, execution: State, ctx: State
    ) -> tuple[Any, Any]:
        if self._engine._state_query_language(state, ctx) != "JSONata":
            return self._stock(state, raw_input, effective, iterator, execution, ctx)  # type: ignore[no-any-return]

        def evaluated(value: Any) -> Any:
            return self._engine._apply_jsonata_template(value, raw_input, ctx)

        reader = {**state["ItemReader"], "Parameters": evaluated(state["ItemReader"]["Arguments"])}
        items = self._read(reader, effective, ctx)
        if "ItemBatcher" in state:
            items = list(batches(items, evaluated(state["ItemBatcher"])))
        plain = {name: evaluated(state[name]) for name in _NUMBERS if name in state}
        plain["MaxConcurrency"] = min(int(plain.get("MaxConcurrency") or MOST_AT_ONCE), MOST_AT_ONCE)
        plain |= {name: state[name] for name in ("Label", "Next", "End") if name in state} | {"ItemsPath": "$.items"}
        before = set(self._engine._map_runs)
        written: Any = None
        try:
            output, following = self._stock(plain, raw_input, {"items": items}, iterator, execution, ctx)
        finally:
            # AWS writes the results of a run that failed, too.
            runs = [run for arn, run in self._engine._map_runs.items() if arn not in before]
            for run in runs:
                if run["executionArn"] == execution["executionArn"] and "ResultWriter" in state:
                    written = self._write(run["mapRunArn"], evaluated(state["ResultWriter"]))
        output = written or output
        self._engine._apply_state_assign(state, raw_input, ctx, result=output)
        return self._engine._apply_jsonata_output(state, raw_input, ctx, result=output, default=output), following

    def _write(self, run_arn: str, writer: State) -> dict[str, Any]:
        """The files that AWS writes for Transformation FLATTEN and OutputType JSONL, and their manifest."""
        if writer.get("WriterConfig") != {"Transformation": "FLATTEN", "OutputType": "JSONL"}:
            raise self._engine._ExecutionError("States.Runtime", "local/engine_map.py writes flat JSON lines only")
        children = [each for each in self._engine._executions.values() if each.get("mapRunArn") == run_arn]
        succeeded = [record for each in children if each["status"] == "SUCCEEDED" for record in flat(each["output"])]
        failed = [described(each) for each in children if each["status"] == "FAILED"]
        bucket, folder = writer["Arguments"]["Bucket"], f"{writer['Arguments']['Prefix']}/{run_arn.rpartition(':')[2]}"
        files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        for kind, records in (("SUCCEEDED", succeeded), ("FAILED", failed)):
            if records:
                body = b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in records)
                key = f"{folder}/{kind}_0.jsonl"
                self._put(bucket, key, body)
                files[kind].append({"Key": key, "Size": len(body)})
        manifest = {"DestinationBucket": bucket, "MapRunArn": run_arn, "ResultFiles": files}
        self._put(bucket, f"{folder}/manifest.json", json.dumps(manifest).encode())
        return {"MapRunArn": run_arn, "ResultWriterDetails": {"Bucket": bucket, "Key": f"{folder}/manifest.json"}}


def batches(items: list[Any], batcher: State) -> Iterator[dict[str, Any]]:
    """``items`` in batches of at most so many, and of at most so many bytes of JSON; one item is never divided."""
    most = int(batcher.get("MaxItemsPerBatch") or len(items) or 1)
    most_bytes = int(batcher.get("MaxInputBytesPerBatch") or 262_144)
    shared = {"BatchInput": batcher["BatchInput"]} if "BatchInput" in batcher else {}
    batch: list[Any] = []
    size = 0
    for item in items:
        item_size = len(json.dumps(item, ensure_ascii=False).encode())
        if batch and (len(batch) == most or size + item_size > most_bytes):
            yield {**shared, "Items": batch}
            batch, size = [], 0
        batch.append(item)
        size += item_size
    if batch:
        yield {**shared, "Items": batch}


def flat(output: str) -> list[Any]:
    value = json.loads(output)
    return value if isinstance(value, list) else [value]


def described(child: State) -> dict[str, Any]:
    names = {"executionArn": "ExecutionArn", "input": "Input", "name": "Name", "status": "Status"}
    return {there: child[here] for here, there in names.items()} | {
        "Error": child.get("error") or "",
        "Cause": child.get("cause") or "",
    }


def put(bucket: str, key: str, body: bytes) -> None:
    """Through the engine's public call, as any client's."""
    url = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/{bucket}/{urllib.parse.quote(key)}"
    with urllib.request.urlopen(urllib.request.Request(url, body, method="PUT"), timeout=60):
        pass
