"""Fails: as expected with a text for the user, by an exception, or by ending the process."""

import os

from jobyard import runner


@runner.job
def handler(job: runner.Job) -> None:
    how = job.questions.get("how", "expected")
    job.log(f"About to fail: {how}.")
    if how == "expected":
        raise runner.Failed("There was nothing to do.")
    if how == "crash":
        os._exit(3)
    raise ValueError("an unexpected one")
