"""Fails until it is run for the time that is asked for."""

import tempfile
from pathlib import Path

from jobyard import runner


@runner.job
def handler(job: runner.Job) -> None:
    runs = Path(tempfile.gettempdir()) / f"{job.id}.runs"
    run = int(runs.read_text()) + 1 if runs.exists() else 1
    runs.write_text(str(run))
    job.log(f"Run {run}.")
    if run < int(job.questions["how"]):
        raise runner.Failed("Not yet.")
    runs.unlink()
