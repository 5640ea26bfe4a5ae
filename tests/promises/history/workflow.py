"""The work of a load's jobs: says its steps, a few or many, at once or with pauses, and sometimes fails.

What it does follows from the job's id. It runs as a function of its own, which imports nothing but the runner.
"""

import random
import time

from jobyard import runner


@runner.job
def handler(job: runner.Job) -> None:
    chance = random.Random(job.id)
    steps, pause = chance.choice((1, 1, 2, 3, 8)), chance.choice((0, 0, 0.1, 0.4, 1))
    for number in range(1, steps + 1):
        if job.cancelled:
            return
        job.log(f"step {number} of {steps}")
        time.sleep(pause)
    if chance.random() < 0.2:
        raise runner.Failed("This one fails.")
