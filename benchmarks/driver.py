"""Is Lambda's runtime for a measured process: imports the handler, calls it, tells what it saw, and ends at once.

    driver.py EVENT TIMES RESULT

The function's folder and its layers are on PYTHONPATH, as the runtime has them. Nothing else is imported here than what
Lambda's own runtime client has loaded by then.
"""

import json
import os
import sys
import time
from importlib import import_module


class Context:
    function_name = "measured"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:measured"
    aws_request_id = "8f7d2c1e-5b0a-4a59-9c53-2f6f1f5f7a10"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


def peak_mb() -> float:
    # Not ru_maxrss, which begins with what the process that started this one had.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


def main(event_file: str, times: str, result_file: str) -> None:
    with open(event_file) as file:
        event = file.read()
    before = set(sys.modules)
    handler = import_module("app").handler
    milliseconds: list[float] = []
    answer: dict[str, object] = {}
    for _ in range(int(times)):
        given = json.loads(event)
        began = time.perf_counter()
        answer = handler(given, Context())
        milliseconds.append((time.perf_counter() - began) * 1000)
    told = {
        "answer": answer,
        "milliseconds": milliseconds,
        "peak_mb": peak_mb(),
        "modules": sorted({name.partition(".")[0] for name in set(sys.modules) - before}),
    }
    with open(result_file, "w") as file:
        json.dump(told, file)
    sys.stdout.flush()
    # What an interpreter does at its end, Lambda's never does.
    os._exit(0)


main(*sys.argv[1:])
