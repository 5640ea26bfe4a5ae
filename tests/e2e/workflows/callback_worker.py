"""A callback workflow. By default the function does the work and answers by task token itself.

Asked to work ``elsewhere`` it leaves its ticket as an output, for whoever then is the worker.
"""

import json

from jobyard import runner


@runner.job
def work(job: runner.Job) -> None:
    job.log("Working.")
    job.heartbeat()
    if job.questions.get("how") == "fail":
        raise runner.Failed("The worker gave up.")
    job.attach("answer.txt", "42")


@runner.callback
def handler(job: runner.Job) -> None:
    if job.questions.get("how") == "elsewhere":
        job.attach("ticket.json", json.dumps(job.ticket))
        job.log("Handed on.")
    elif job.questions.get("how") == "refuse":
        raise runner.Failed("No worker is free.")
    else:
        work(job.ticket)
