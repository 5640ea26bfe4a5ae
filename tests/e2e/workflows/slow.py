"""Works for as many seconds as it is asked to, telling how far it is, and stops when it is cancelled."""

import time

from jobyard import runner


@runner.job
def handler(job: runner.Job) -> None:
    seconds = float(job.questions.get("seconds", "10"))
    job.log(f"Working for {seconds:g} seconds.")
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if job.cancelled:
            job.warn("Cancelled: stopping.")
            return
        job.progress(1 - left / seconds)
        time.sleep(min(left, 0.2))
    job.attach("done.txt", f"{seconds:g} seconds")
