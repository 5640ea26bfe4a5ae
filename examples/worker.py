"""A worker outside of AWS: takes jobs from an SQS queue, says how far it is, and ends them.

    TABLE_NAME=… BUCKET_NAME=… PYTHONPATH=layers/jobyard python examples/worker.py https://sqs.…/…-workflow-render

It needs the credentials of somebody to whom the stack's WorkerPolicyArn is attached. docs/queue.md tells the rest.
"""

import sys
import time

from jobyard import runner


@runner.job
def render(job: runner.Job) -> None:
    frames = int(job.questions.get("frames", "10"))
    if frames > 1000:
        raise runner.Failed("At most 1,000 frames are rendered at once.")
    job.log(f"Rendering {frames} frames.")
    for frame in range(frames):
        time.sleep(0.5)  # the work
        # A sign of life, too. After a cancel it raises Cancelled, which ends this function.
        job.progress((frame + 1) / frames)
    job.attach("frames.txt", "\n".join(f"frame {frame}" for frame in range(frames)))


if __name__ == "__main__":
    runner.work(sys.argv[1], render)
