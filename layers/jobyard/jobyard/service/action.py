"""What every action of the operator is: a request that is checked as it is read, and run once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from jobyard.authorizer.access import Caller, Role
from jobyard.model import Person
from jobyard.model.source import NOWHERE
from jobyard.service.audit import record
from jobyard.store.transactions import Write

# A tenant is part of keys, object names and log lines.
Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
ObjectId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
# Of the alteryx form or of the tencent one.
WorkflowId = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{24}|w[0-9a-f]{32})$")]

OPERATOR = Person("", "Operator")
"""Who is told to have done what was done by invoking the function."""


class Action(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    tenant: Tenant = "default"

    def told(self, action: str, kind: str, id: str, before: dict[str, Any], after: dict[str, Any]) -> Write:
        """The record of a change. Who invoked the function, IAM knows and CloudTrail keeps: here it is the operator."""
        operator = Caller(self.tenant, OPERATOR, Role.CURATOR, "manage")
        return record(operator, NOWHERE, action, kind, id, before, after)

    def run(self) -> Any:
        """Do it; what is returned is the answer's ``result``. Raises ``Invalid``, which names the field."""
        raise NotImplementedError
