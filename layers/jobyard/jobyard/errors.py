"""What can go wrong, said once; a dialect gives each its own status and body.

::

    JobyardError
    ├── Invalid             a request that cannot be understood; names the field
    │   └── TooLarge        ... because something in it is over its limit
    ├── Unauthenticated     no caller: the credential is missing, unknown, expired or revoked
    ├── RoleForbidden       a caller whose role may not call this endpoint at all
    ├── ExecuteForbidden    a caller who may not run this workflow
    ├── CancelForbidden     a caller who may not cancel this job
    ├── ChangeForbidden     a caller who may not change this about a job
    ├── NotFound            nothing of that id that this caller may know of
    ├── NotCancellable      the job is in a final state
    ├── NotChangeable       the job waits no longer
    ├── AlreadyLive         a live job stands for the same thing, of which there may be one
    ├── InUse               something still belongs to what would be deleted
    ├── IdempotencyConflict the key was used before, with another request
    ├── Busy                too many others wrote the same thing at once; nothing was written
    └── Unavailable         AWS refused or did not answer; what was asked may have been done or not
"""

from __future__ import annotations


class JobyardError(Exception):
    """The root; ``str()`` of any of them is fit to be shown to the caller."""


class Invalid(JobyardError):
    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class TooLarge(Invalid):
    pass


class Unauthenticated(JobyardError):
    pass


class RoleForbidden(JobyardError):
    pass


class ExecuteForbidden(JobyardError):
    pass


class CancelForbidden(JobyardError):
    pass


class ChangeForbidden(JobyardError):
    pass


class NotFound(JobyardError):
    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"{kind} {id[:64]} not found.")
        self.kind = kind
        self.id = id


class NotCancellable(JobyardError):
    def __init__(self, status: str) -> None:
        super().__init__(f"The job is {status}; a job in a final state cannot be cancelled.")
        self.status = status


class NotChangeable(JobyardError):
    def __init__(self, status: str) -> None:
        super().__init__(f"The job is {status}; only a job that waits can be changed.")
        self.status = status


class AlreadyLive(JobyardError):
    pass


class InUse(JobyardError):
    pass


class IdempotencyConflict(JobyardError):
    pass


class Busy(JobyardError):
    pass


class Unavailable(JobyardError):
    def __init__(self) -> None:
        super().__init__("The service is not available for the moment: what was asked may have been done. Try again.")
