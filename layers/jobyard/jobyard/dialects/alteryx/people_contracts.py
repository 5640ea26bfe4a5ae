"""Bodies of requests about people and collections, as the vendor's contracts name their members.

They come as JSON or as a form; members that are not the contract's are ignored, as the vendor's server does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from jobyard.authorizer.access import Role
from jobyard.dialects.alteryx.parameters import one_of
from jobyard.errors import Invalid
from jobyard.model.people import Permissions, User

_LATEST_S = 253_402_300_800
ROLES = {role.value: role for role in Role}


def _role(given: Any) -> Any:
    if not isinstance(given, str):
        raise ValueError(f"allowed values: {', '.join(ROLES)}")
    try:
        return one_of("role", given, ROLES)
    except Invalid as error:
        raise ValueError(f"allowed values: {', '.join(ROLES)}") from error


def _empty(given: Any) -> Any:
    return "" if given is None else given


def _shown_in_a_year(given: datetime | None) -> datetime | None:
    """Of four digits in UTC, whatever the zone, as every answer writes it."""
    if given is not None:
        at = (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
        if not 0 <= at < _LATEST_S:
            raise ValueError("a time from 1970 to 9999 is allowed")
    return given


RoleName = Annotated[Role, BeforeValidator(_role)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]
# Whether there is such an address only a message to it can tell. By the code points: every language has another \s.
_PART = r"[^@\x00- \x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]+"
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=f"^{_PART}@{_PART}$")]
# Who was made with a client has none until somebody gives it.
EmailOrNone = Annotated[
    str, StringConstraints(max_length=254, pattern=f"^({_PART}@{_PART})?$"), BeforeValidator(_empty)
]
WorkerTag = Annotated[str, StringConstraints(max_length=128), BeforeValidator(_empty)]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{24}$", to_lower=True)]


class Contract(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class CreateUserContract(Contract):
    firstName: Name
    lastName: Name
    email: Email
    role: RoleName = Role.EVALUATED
    defaultWorkerTag: WorkerTag = ""
    canScheduleJobs: bool = False
    canPrioritizeJobs: bool = False
    canAssignJobs: bool = False
    canCreateCollections: bool = False
    isApiEnabled: bool = False
    isActive: bool = True

    def made(self, tenant: str, id: str, at_ms: int, revision: int = 0) -> User:
        return User(
            tenant=tenant,
            id=id,
            first_name=self.firstName,
            last_name=self.lastName,
            email=self.email,
            role=self.role,
            created_at=at_ms,
            active=self.isActive,
            may_schedule=self.canScheduleJobs,
            may_prioritise=self.canPrioritizeJobs,
            may_tag=self.canAssignJobs,
            may_create_collections=self.canCreateCollections,
            api_enabled=self.isApiEnabled,
            default_worker_tag=self.defaultWorkerTag,
            revision=revision,
        )


class UpdateUserContract(CreateUserContract):
    """The whole user: what is left out is not kept but refused, as by the vendor's server.

    What the vendor's contract has besides (``defaultCredentialId``, ``isAccountLocked``, ``isValidated``, ``timeZone``,
    ``language``) means nothing here and may be left out.
    """

    email: EmailOrNone
    role: RoleName
    defaultWorkerTag: WorkerTag
    canScheduleJobs: bool
    canPrioritizeJobs: bool
    canAssignJobs: bool
    canCreateCollections: bool
    isApiEnabled: bool
    isActive: bool


class UserGroupContract(Contract):
    name: Name
    role: RoleName


class CreateCollectionContract(Contract):
    name: Name


class UpdateCollectionContract(Contract):
    name: Name
    ownerId: Id


class PermissionsContract(Contract):
    isAdmin: bool = False
    canAddAssets: bool = False
    canRemoveAssets: bool = False
    canUpdateAssets: bool = False
    canAddUsers: bool = False
    canRemoveUsers: bool = False

    def permissions(self) -> Permissions:
        return Permissions(
            self.isAdmin,
            self.canAddAssets,
            self.canRemoveAssets,
            self.canUpdateAssets,
            self.canAddUsers,
            self.canRemoveUsers,
        )


class UpdatePermissionsContract(Contract):
    """``expirationDate`` is a time of ISO 8601, of UTC where it names no zone; a date alone is its beginning."""

    expirationDate: Annotated[datetime | None, AfterValidator(_shown_in_a_year)] = None
    collectionsPermissions: PermissionsContract = PermissionsContract()

    @property
    def until(self) -> int | None:
        """In milliseconds."""
        given = self.expirationDate
        if given is None:
            return None
        return round((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp() * 1000)


class AddUserContract(UpdatePermissionsContract):
    userId: Id


class AddUserGroupContract(UpdatePermissionsContract):
    userGroupId: Id


class AddWorkflowContract(Contract):
    workflowId: Id


class AddScheduleContract(Contract):
    scheduleId: Id
