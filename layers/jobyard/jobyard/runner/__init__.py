"""What the author of a workflow imports::

    from jobyard import runner

    @runner.job
    def handler(job):
        job.log("reading")
        job.progress(0.5)
        job.attach("result.csv", "a,b\\n1,2\\n")

Nothing but the standard library and botocore is imported, and botocore only when the first call needs it.
"""

from jobyard.model.job import Person
from jobyard.runner._errors import Again, Cancelled, Failed
from jobyard.runner._handlers import callback, job, step
from jobyard.runner._job import Job, Workflow
from jobyard.runner._objects import Object, objects
from jobyard.runner._worker import work

__all__ = [
    "Again",
    "Cancelled",
    "Failed",
    "Job",
    "Object",
    "Person",
    "Workflow",
    "callback",
    "job",
    "objects",
    "step",
    "work",
]
