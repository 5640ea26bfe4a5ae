"""Answers about users, groups, collections and changes; ``dialects.alteryx.people_views`` makes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from jobyard.authorizer.access import Role
from jobyard.service.action import ObjectId
from openapi.alteryx_models import Milliseconds
from openapi.parts import Answered, one_of

AlteryxRole = Annotated[str, one_of([role.value for role in Role])]


class AlteryxReducedUser(Answered):
    id: str
    firstName: str
    lastName: str
    email: str = Field(description="Empty of a user who was made with a client.")
    isActive: bool
    role: AlteryxRole = Field(description="Evaluated is the stack's default role, whatever it is at the time.")
    dateCreated: Milliseconds


class AlteryxUser(AlteryxReducedUser):
    defaultWorkerTag: str
    canScheduleJobs: bool
    canPrioritizeJobs: bool
    canAssignJobs: bool
    canCreateCollections: bool
    isApiEnabled: bool
    isAccountLocked: Annotated[bool, one_of([False])]
    isValidated: Annotated[bool, one_of([True])]
    canCreateAndUpdateDcm: Annotated[bool, one_of([False])]
    canShareForExecutionDcm: Annotated[bool, one_of([False])]
    canShareForCollaborationDcm: Annotated[bool, one_of([False])]
    canManageGenericVaultsDcm: Annotated[bool, one_of([False])]


class AlteryxReducedUserGroup(Answered):
    id: ObjectId
    name: str
    role: AlteryxRole


class AlteryxMember(Answered):
    userId: str
    dateAddedToGroup: Milliseconds
    addedByUserId: str


class AlteryxUserGroup(AlteryxReducedUserGroup):
    dateAdded: Milliseconds
    members: list[AlteryxMember]


class AlteryxAddedUsers(Answered):
    successfullyAddedUserCount: Annotated[int, Field(ge=0)]
    totalUsersSubmittedCount: Annotated[int, Field(ge=1)]
    failedUserReasons: dict[str, str] = Field(description="Why not, by the id of the user.")


class AlteryxReducedCollection(Answered):
    id: ObjectId
    name: str
    ownerId: str
    dateAdded: Milliseconds


class AlteryxPermissions(Answered):
    isAdmin: bool
    canAddAssets: bool
    canRemoveAssets: bool
    canUpdateAssets: bool
    canAddUsers: bool
    canRemoveUsers: bool


class AlteryxCollectionUser(Answered):
    userId: str
    expirationDate: Milliseconds | None = Field(description="From then on nothing is shared; null is never.")
    collectionsPermissions: AlteryxPermissions


class AlteryxCollectionUserGroup(Answered):
    userGroupId: ObjectId
    expirationDate: Milliseconds | None = Field(description="From then on nothing is shared; null is never.")
    collectionsPermissions: AlteryxPermissions


class AlteryxCollection(AlteryxReducedCollection):
    workflowIds: list[ObjectId]
    users: list[AlteryxCollectionUser]
    subscriptionIds: Annotated[list[str], Field(max_length=0)]
    userGroupIds: list[ObjectId]
    userGroups: list[AlteryxCollectionUserGroup]
    scheduleIds: list[ObjectId]


class AlteryxChange(Answered):
    id: str
    dateTime: Milliseconds
    userId: str = Field(description="Empty for the operator.")
    userName: str
    clientId: str
    sourceIp: str
    userAgent: str
    action: str
    kind: str
    objectId: str
    before: dict[str, Any] = Field(description="What differed, as it was.")
    after: dict[str, Any] = Field(description="The same, as it became.")
