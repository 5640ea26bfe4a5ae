"""Users, groups, collections and changes as the vendor's API shows them; of changes it has no view."""

from __future__ import annotations

from typing import Any

from jobyard.dialects.alteryx.views import instant
from jobyard.model.people import Collection, Entry, Group, Kind, Permissions, User
from jobyard.store.audit import Record


def reduced_user(user: User) -> dict[str, Any]:
    """``ReducedUserView``."""
    return {
        "id": user.id,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "isActive": user.active,
        "role": user.role,
        "dateCreated": instant(user.created_at, "milliseconds"),
    }


def full_user(user: User) -> dict[str, Any]:
    """``UserView``; when the user was made is an addition. Members of what Jobyard has not are as they are of one who
    has none of it.
    """
    return reduced_user(user) | {
        "defaultWorkerTag": user.default_worker_tag,
        "canScheduleJobs": user.may_schedule,
        "canPrioritizeJobs": user.may_prioritise,
        "canAssignJobs": user.may_tag,
        "canCreateCollections": user.may_create_collections,
        "isApiEnabled": user.api_enabled,
        "isAccountLocked": False,
        "isValidated": True,
        "canCreateAndUpdateDcm": False,
        "canShareForExecutionDcm": False,
        "canShareForCollaborationDcm": False,
        "canManageGenericVaultsDcm": False,
    }


def reduced_group(group: Group) -> dict[str, Any]:
    """``ReducedUserGroupView``."""
    return {"id": group.id, "name": group.name, "role": group.role}


def full_group(group: Group) -> dict[str, Any]:
    """``UserGroupView``."""
    return reduced_group(group) | {
        "dateAdded": instant(group.created_at, "milliseconds"),
        "members": [
            {
                "userId": each.user_id,
                "dateAddedToGroup": instant(each.added_at, "milliseconds"),
                "addedByUserId": each.by,
            }
            for each in group.members
        ],
    }


def reduced_collection(collection: Collection) -> dict[str, Any]:
    """``ReducedCollectionView``."""
    return {
        "id": collection.id,
        "name": collection.name,
        "ownerId": collection.owner,
        "dateAdded": instant(collection.created_at, "milliseconds"),
    }


def full_collection(collection: Collection) -> dict[str, Any]:
    """``CollectionView``; permissions and the end of each share are additions."""
    shares = [each for each in collection.entries if each.permissions is not None]
    return reduced_collection(collection) | {
        "workflowIds": collection.ids(Kind.WORKFLOW),
        "users": [{"userId": each.id} | _share(each) for each in shares if each.kind is Kind.USER],
        "subscriptionIds": [],
        "userGroupIds": collection.ids(Kind.GROUP),
        "userGroups": [{"userGroupId": each.id} | _share(each) for each in shares if each.kind is Kind.GROUP],
        "scheduleIds": collection.ids(Kind.SCHEDULE),
    }


def _share(entry: Entry) -> dict[str, Any]:
    given = entry.permissions or Permissions()
    return {
        "expirationDate": instant(entry.until, "milliseconds"),
        "collectionsPermissions": {
            "isAdmin": given.is_admin,
            "canAddAssets": given.can_add_assets,
            "canRemoveAssets": given.can_remove_assets,
            "canUpdateAssets": given.can_update_assets,
            "canAddUsers": given.can_add_users,
            "canRemoveUsers": given.can_remove_users,
        },
    }


def change(record: Record) -> dict[str, Any]:
    """One change by a person; ``before`` and ``after`` have what differs."""
    return {
        "id": record.key,
        "dateTime": instant(record.at, "milliseconds"),
        "userId": record.user_id,
        "userName": record.user_name,
        "clientId": record.client_id,
        "sourceIp": record.ip,
        "userAgent": record.user_agent,
        "action": record.action,
        "kind": record.kind,
        "objectId": record.id,
        "before": record.before,
        "after": record.after,
    }
