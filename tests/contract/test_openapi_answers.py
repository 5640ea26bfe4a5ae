"""Every answer that the document has is one that is really given: each is asked for here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import replace
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from jobyard.authorizer import Role
from jobyard.errors import Busy, Unavailable
from jobyard.http import Request
from jobyard.model import Person, Status
from jobyard.model.ids import object_id
from jobyard.model.schedule import Schedule
from jobyard.store import schedules
from tests.contract import api
from tests.contract.conformance import operation, the_document
from tests.contract.tencent.conftest import a_key
from tests.contract.tencent.signing import HOST
from tests.contract.world import OUTPUT_ID, World
from tests.contract.yard import Yard
from tests.factories import BOB, NOW

STATUSES = {
    f"{method.upper()} {path}": list(described["responses"])
    for path, item in sorted(the_document()["paths"].items())
    for method, described in sorted(item.items())
}
DOCUMENTED = [(key, status) for key, statuses in STATUSES.items() for status in statuses]

NOBODYS = "0" * 24
TOKEN, LIST = "POST /webapi/oauth2/token", "GET /webapi/v3/jobs"
SUBMIT, WORKFLOW_JOBS = "POST /webapi/v3/workflows/{workflowId}/jobs", "GET /webapi/v3/workflows/{workflowId}/jobs"
GET, MESSAGES, CANCEL = (f"{each} /webapi/v3/jobs/{{jobId}}" for each in ("GET", "GET", "DELETE"))
MESSAGES = f"{MESSAGES}/messages"
CHANGE = "PATCH /webapi/v3/jobs/{jobId}"
QUEUE, PUT_QUEUE, PATCH_QUEUE = (f"{each} /webapi/v3/queues/{{tag}}" for each in ("GET", "PUT", "PATCH"))
OUTPUT, OUTPUT_V3 = (f"GET /webapi/{each}/jobs/{{jobId}}/output/{{outputId}}" for each in ("v1", "v3"))
ERASE = "DELETE /public/{projectKey}/users/{userId}"
PROJECT_LIST = "GET /public/{projectKey}/jobs"
PROJECT_GET, PROJECT_CANCEL = (f"{each} /public/{{projectKey}}/jobs/{{jobId}}" for each in ("GET", "DELETE"))
SCHEDULES, SCHEDULE = "/webapi/v3/schedules", "/webapi/v3/schedules/{scheduleId}"
NEW_SCHEDULE, PUT_SCHEDULE, PATCH_SCHEDULE = f"POST {SCHEDULES}", f"PUT {SCHEDULE}", f"PATCH {SCHEDULE}"
RUN_SCHEDULE = f"POST {SCHEDULE}/run"
CREATE, TENCENT_LIST = "POST /inventorytriggerjob", "GET /inventorytriggerjob"
TENCENT_GET, TENCENT_CANCEL = (f"{each} /inventorytriggerjob/{{jobId}}" for each in ("GET", "PUT"))


USERS, GROUPS, COLLECTIONS, AUDIT = (f"/webapi/v3/{each}" for each in ("users", "usergroups", "collections", "audit"))
SHARED = [key for key, _ in DOCUMENTED if key.partition(" ")[2].startswith((USERS, GROUPS, COLLECTIONS))]
SHARED_404 = {
    key: key.partition("{")[2].partition("}")[0] for key, status in DOCUMENTED if key in SHARED and status == "404"
}
"""By the first parameter of the path."""


class Asked(NamedTuple):
    """What differs from a request that is answered well: parts of the path, the query, the body, headers."""

    path: dict[str, str] = {}  # noqa: RUF012
    query: str = ""
    body: str | None = None
    headers: dict[str, str] = {}  # noqa: RUF012
    status: Status = Status.RUNNING


def nobodys(name: str, id: str = NOBODYS) -> Asked:
    return Asked(path={name: id})


BODIES = {CHANGE: '{"priority": "High"}', PUT_QUEUE: '{"slots": 2, "paused": false}'}
"""Of requests that are answered well, where one is needed."""

WAITING = Asked(status=Status.QUEUED)
TOO_FEW = '{"slots": -1, "paused": false}'
# A secret without a bucket of its own, and a Host that names none.
NO_BUCKET = Asked(headers={"host": "example.com"})
KEY = {"idempotency-key": "k"}
# To a user who may not run a workflow that is not public.
GIVEN_AWAY = Asked(body='{"ownerId": "bbbbbbbbbbbbbbbbbbbbbbbb"}')
REFUSED: dict[tuple[str, str], Asked] = {
    (TOKEN, "400"): Asked(body="grant_type=password"),
    (TOKEN, "401"): Asked(body="grant_type=client_credentials&client_id=a&client_secret=b"),
    (LIST, "400"): Asked(query="limit=0"),
    (GET, "400"): Asked(query="includeMessages=x"),
    (GET, "404"): nobodys("jobId"),
    (MESSAGES, "400"): Asked(query="after=x"),
    (MESSAGES, "404"): nobodys("jobId"),
    (CANCEL, "400"): Asked(status=Status.COMPLETED),
    (CANCEL, "404"): nobodys("jobId"),
    (CHANGE, "200"): WAITING,
    (CHANGE, "400"): Asked(status=Status.RUNNING),
    (CHANGE, "403"): WAITING,
    (CHANGE, "404"): nobodys("jobId"),
    (QUEUE, "400"): nobodys("tag", "x" * 129),
    (PUT_QUEUE, "400"): Asked(body=TOO_FEW),
    (PATCH_QUEUE, "400"): Asked(body=TOO_FEW),
    (WORKFLOW_JOBS, "400"): Asked(query="status=x"),
    (WORKFLOW_JOBS, "404"): nobodys("workflowId"),
    (SUBMIT, "400"): Asked(body="{"),
    (SUBMIT, "404"): nobodys("workflowId"),
    (SUBMIT, "409"): Asked(body='{"workerTag": "b"}', headers=KEY),
    **{(key, "404"): nobodys(parameter) for key, parameter in SHARED_404.items()},
    **{(key, "400"): Asked(body="{") for key in SHARED if key.startswith(("POST", "PUT"))},
    (f"GET {USERS}", "400"): Asked(query="view=x"),
    (f"GET {COLLECTIONS}", "400"): Asked(query="view=x"),
    (f"GET {AUDIT}", "400"): Asked(query="limit=0"),
    (f"DELETE {GROUPS}/{{userGroupId}}", "400"): Asked(query="forceDelete=x"),
    (f"DELETE {COLLECTIONS}/{{collectionId}}", "400"): Asked(query="forceDelete=x"),
    (f"DELETE {USERS}/{{userId}}", "409"): Asked(),
    (OUTPUT, "400"): Asked(query="format=x"),
    (OUTPUT, "404"): nobodys("outputId"),
    (OUTPUT_V3, "400"): Asked(query="format=x"),
    (OUTPUT_V3, "404"): nobodys("outputId"),
    (PROJECT_LIST, "400"): Asked(query="cursor=x"),
    (PROJECT_GET, "400"): nobodys("jobId", "abc"),
    (PROJECT_GET, "404"): nobodys("jobId", "7"),
    (PROJECT_CANCEL, "400"): Asked(status=Status.COMPLETED),
    (PROJECT_CANCEL, "404"): nobodys("jobId", "7"),
    (ERASE, "400"): nobodys("userId", "x" * 257),
    (ERASE, "404"): nobodys("userId", "a%2Fb"),
    (ERASE, "409"): Asked(),
    (f"GET {SCHEDULES}", "400"): Asked(query="runsAfter=2025-12-01T00:00:00Z"),
    (NEW_SCHEDULE, "400"): Asked(body="{}"),
    (PUT_SCHEDULE, "400"): Asked(body="{}"),
    (PUT_SCHEDULE, "403"): GIVEN_AWAY,
    (PATCH_SCHEDULE, "400"): Asked(body='{"priority": "x"}'),
    (PATCH_SCHEDULE, "403"): GIVEN_AWAY,
    (RUN_SCHEDULE, "400"): Asked(headers={"idempotency-key": "k" * 256}),
    (RUN_SCHEDULE, "403"): Asked(),
    (RUN_SCHEDULE, "409"): Asked(headers=KEY),
    **{
        (f"{each}", "404"): nobodys("scheduleId")
        for each in (f"GET {SCHEDULE}", PUT_SCHEDULE, PATCH_SCHEDULE, f"DELETE {SCHEDULE}", RUN_SCHEDULE)
    },
    (CREATE, "400"): Asked(body="<Request/>"),
    (CREATE, "409"): Asked(body="", headers=KEY),
    (TENCENT_LIST, "400"): Asked(query="size=0"),
    (TENCENT_GET, "400"): NO_BUCKET,
    (TENCENT_CANCEL, "400"): Asked(status=Status.COMPLETED),
    (TENCENT_CANCEL, "404"): nobodys("jobId", "b1"),
}
"""How a request that is refused differs. What comes before is in ``BEFORE``."""


def asked(world: World, key: str, differs: Asked = Asked(), *, authorized: bool = True) -> int:  # noqa: B008
    method, _, path = key.partition(" ")
    parts = {**world.parameters(path, differs.status), **differs.path}
    target = path.format(**parts)
    host = differs.headers.get("host", HOST)
    headers = world.credentials(method, target, host) if authorized and key != TOKEN else {}
    body = BODIES.get(key) if differs.body is None else differs.body
    if body is None and key == TOKEN:
        body = f"grant_type=client_credentials&client_id={world.client.id}&client_secret={world.client.secret}"
    elif SCHEDULES in key:
        body = _schedule_body(world, key, body)
    elif body is None and (needed := world.body(key)) is not None:
        body = json.dumps(needed)
    elif key == CREATE and not body:
        example = operation(CREATE)["requestBody"]["content"]["application/xml"]["example"]
        body = example if body is None else example.replace("demo", "another")
    return api.call(method, target, None, differs.query, body, headers | differs.headers).status


def _schedule_body(world: World, key: str, body: str | None) -> str | None:
    """The document's example, of this world's workflow and user; with what ``body`` gives in its place."""
    if "requestBody" not in operation(key) or body == "{}":
        return body
    example = operation(key)["requestBody"]["content"]["application/json"]["example"]
    own = {"workflowId": world.workflow.id, "ownerId": world.client.user.id}
    return json.dumps(example | own | json.loads(body or "{}"))


def private(world: World) -> None:
    """To whom a schedule would be given may not run its workflow."""
    world.workflow = world.yard.workflow(public=False)
    world.yard.client(Role.MEMBER, user=Person("b" * 24, "Bob"))


def of_one_who_may_not(world: World) -> None:
    private(world)
    schedule = world.schedule

    def given_away() -> Schedule:
        made = replace(schedule(), owner=BOB, role=Role.MEMBER, id=object_id(NOW))
        schedules.create(made, None)
        return made

    world.schedule = given_away  # type: ignore[method-assign]


def as_no_access(world: World) -> None:
    world.client = world.yard.client(Role.NO_ACCESS)


def as_owner(world: World) -> None:
    """Whoever is asked for from here on owns something."""
    parameters = world.parameters

    def owning(path: str, status: Status = Status.RUNNING) -> dict[str, str]:
        named = parameters(path, status)
        world.yard.workflow(owner=named["userId"], public=False)
        return named

    world.parameters = owning  # type: ignore[method-assign]


def as_an_artisan(world: World) -> None:
    world.client = world.yard.client(Role.ARTISAN)


BEFORE: dict[tuple[str, str], Callable[[World], Any]] = {
    (SUBMIT, "403"): as_no_access,
    (CHANGE, "403"): as_an_artisan,
    (SUBMIT, "409"): lambda world: asked(world, SUBMIT, Asked(body="{}", headers=KEY)),
    (ERASE, "409"): lambda world: asked(world, ERASE),
    (PUT_SCHEDULE, "403"): private,
    (PATCH_SCHEDULE, "403"): private,
    (RUN_SCHEDULE, "403"): of_one_who_may_not,
    (RUN_SCHEDULE, "409"): lambda world: asked(world, RUN_SCHEDULE, Asked(headers=KEY)),
    (CREATE, "409"): lambda world: asked(world, CREATE, Asked(headers=KEY)),
    (f"DELETE {USERS}/{{userId}}", "409"): as_owner,
    (TENCENT_GET, "400"): lambda world: setattr(world, "key", a_key()),
}


@pytest.mark.parametrize("key", STATUSES)
def test_the_documented_answers_are_real_ones(tenancy: Yard, subtests: pytest.Subtests, key: str) -> None:
    shared = World(tenancy)
    for status in STATUSES[key]:
        with subtests.test(status):
            arranged = BEFORE.get((key, status))
            # What is arranged for one status is not for the others to find.
            world = World(tenancy) if arranged else shared
            if arranged:
                arranged(world)
            assert set(answered(world, key, status)) == {int(status)}


def answered(world: World, key: str, status: str) -> Iterator[int]:
    """For each way to that status that there is."""
    if status in ("500", "503"):
        # Nobody comes so far as to look for what is behind the path.
        method, _, path = key.partition(" ")
        for error in (RuntimeError(),) if status == "500" else (Busy("Try again."), Unavailable()):
            with patch.object(Request, "from_event", side_effect=error):
                yield api.call(method, re.sub(r"{\w+}", NOBODYS, path)).status
    elif status == "401" and key != TOKEN:
        yield asked(world, key, authorized=False)
    else:
        yield asked(world, key, REFUSED.get((key, status), Asked()))


def test_nothing_is_arranged_for_what_is_not_documented() -> None:
    assert set(REFUSED) <= set(DOCUMENTED)
    assert set(BEFORE) <= set(DOCUMENTED)


def test_the_output_of_a_world_is_the_one_that_is_asked_for(tenancy: Yard) -> None:
    """Or the 404 above would be for any."""
    assert asked(World(tenancy), OUTPUT, nobodys("outputId", OUTPUT_ID)) == 302
