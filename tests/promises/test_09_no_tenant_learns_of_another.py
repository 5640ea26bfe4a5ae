"""Promise 9: no tenant learns of another's jobs, not even their number.

Every route of the template is walked with all that another tenant has: its jobs in every status, outputs, messages,
workflows, projects, buckets, names, cursors and keys. What is answered, and what is asked of AWS for it, is the same as
for things that nobody has. A route of which nothing is told here fails the first test.

Known limits. Numbers of jobs and projects (openreplay) count through all tenants, so a tenant that makes a job now and
then can see that others made some between, though not who. A SecretId (tencent) is told apart from an unknown one by
the vendor's own error codes; it has 190 random bits, and nobody learns one that is not given it. The functions of
workflows are the deployer's: they are given the job of one tenant, and trusted to write to no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from jobyard.authorizer import Role, bearer, signed
from jobyard.model import Person
from jobyard.model.ids import alphanumeric, object_id
from tests.contract.tencent.conftest import a_key
from tests.contract.tencent.signing import ROOT, Key, ask, authorization
from tests.contract.yard import Yard
from tests.factories import NOW
from tests.promises.harness.tenants import (
    FORM,
    ROUTES,
    Ask,
    Sent,
    Tenant,
    Things,
    aws_calls,
    inventory_of,
    still,
    without_what_is_new,
)

pytestmark = [pytest.mark.usefixtures("tenancy"), pytest.mark.timeout(600)]


def each_job(method: str, path: str, body: str | None = None) -> dict[str, Ask]:
    """By the id of a job in each status."""

    def ask(n: int) -> Ask:
        return lambda me, of: me.bearer(method, path.format(job=of.jobs[n], output=of.output_id), body=body)

    return {f"job {n}": ask(n) for n in range(7)}


def queue(method: str, body: str | None = None) -> Ask:
    """Each tenant has a queue of any tag; a job of its own waits in that of its own."""
    return lambda me, of: me.bearer(method, f"/webapi/v3/queues/{of.tag}", body=body)


def each_number(method: str) -> dict[str, Ask]:
    def ask(n: int) -> Ask:
        return lambda me, of: me.open(method, f"/jobs/{of.numbers[n]}")

    return {
        **{f"job {n}": ask(n) for n in range(7)},
        "project": lambda me, of: me.open(method, f"/jobs/{of.numbers[0]}", project=of.project_key),
    }


def each_tencent_job(method: str, parameters: dict[str, str]) -> dict[str, Ask]:
    def ask(n: int, *, bucket: bool) -> Ask:
        return lambda me, of: me.signed(
            method, f"{ROOT}/{of.tencent_jobs[n]}", parameters, host=of.host if bucket else None
        )

    found = {f"job {n}": ask(n, bucket=False) for n in range(7)}
    return found | {f"job {n} in its bucket": ask(n, bucket=True) for n in range(7)}


def listed(**parameters: str) -> Ask:
    """By parameters of the tencent list, in braces what they are taken from."""
    return lambda me, of: me.signed("GET", ROOT, {name: value.format(of=of) for name, value in parameters.items()})


def outputs(version: str) -> dict[str, Ask]:
    path = f"/webapi/{version}/jobs/{{job}}/output/{{output}}"
    return each_job("GET", path) | {
        "output of a job of mine": lambda me, of: me.bearer(
            "GET", path.format(job=me.things.jobs[0], output=of.output_id)
        )
    }


def token_of(me: Tenant, of: Things) -> Sent:
    fields = {"grant_type": "client_credentials", "client_id": of.client_id, "client_secret": me.curator.secret}
    return Sent("POST", "/webapi/oauth2/token", "", FORM, urlencode(fields))


def create(me: Tenant, of: Things, host: str | None = None) -> Sent:
    return me.signed("POST", ROOT, body=inventory_of(of.inventory_id), host=host)


def create_by_tag(me: Tenant, of: Things) -> Sent:
    job = f"<Tag>{of.inventory_name}</Tag><JobParam/><Output><Region>r</Region><Bucket>b</Bucket></Output>"
    body = f"<Request><Name>a</Name><Type>Job</Type><Input><Prefix/></Input><Operation>{job}</Operation></Request>"
    return me.signed("POST", ROOT, body=body)


ABOUT_PEOPLE = re.compile(r"\w+ /webapi/v3/(users|usergroups|collections|audit)\b")
NAMES_NOTHING = {
    "GET /webapi/v3/usergroups",
    "POST /webapi/v3/usergroups",
    "POST /webapi/v3/users",
    "GET /webapi/v3/collections",
    "POST /webapi/v3/collections",
    "GET /webapi/v3/queues",
}
"""Routes on which nothing of another could be named. What they list is of the caller's tenant, as is seen elsewhere."""


def about_people() -> dict[str, dict[str, Ask]]:
    """By the ids in the path, all of another's or only the last; and by what the body or the query names."""
    found: dict[str, dict[str, Ask]] = {}
    for key in filter(ABOUT_PEOPLE.match, ROUTES):
        if "{" not in key:
            continue
        found[key] = {"all in the path": _in_path(key, whole=True)}
        if key.count("{") == 2:
            found[key]["the last in the path"] = _in_path(key, whole=False)
        elif key.startswith(("POST", "PUT /webapi/v3/collections")):
            found[key]["in the body"] = _in_body(key)
    audit, users = "/webapi/v3/audit", "/webapi/v3/users"
    found[f"GET {audit}"] = {
        "id": lambda me, of: me.bearer("GET", audit, f"id={of.collection_id}"),
        "user": lambda me, of: me.bearer("GET", audit, f"user={of.user_id}"),
    }
    found[f"GET {users}"] = {"email": lambda me, of: me.bearer("GET", users, f"email={of.colleagues_mail}")}
    return found


def _in_path(key: str, *, whole: bool) -> Ask:
    def ask(me: Tenant, of: Things) -> Sent:
        route = ROUTES[key]
        first = of if whole else me.things
        parts = dict.fromkeys(re.findall(r"{(\w+)}", key), of)
        parts |= {next(iter(parts)): first}
        body = me.about_people(me.things, route) if route.method in ("POST", "PUT") else None
        return me.bearer(
            route.method, route.path.format(**{name: _ids(of)[name] for name, of in parts.items()}), "", body
        )

    return ask


DAILY = {"iterationType": "Daily", "startTime": "2198-01-01T12:00:00"}
WHOLE = {"iteration": DAILY, "name": "", "comment": "", "priority": "Low", "workerTag": "", "credentialId": ""}


def create_schedule(me: Tenant, of: Things) -> Sent:
    return me.bearer(
        "POST", "/webapi/v3/schedules", body=json.dumps({"workflowId": of.workflow_id, "iteration": DAILY})
    )


def on_schedule(method: str, body: Any = None, rest: str = "") -> Ask:
    def ask(me: Tenant, of: Things) -> Sent:
        given = body
        if method == "PUT":
            given = body | {"workflowId": me.things.workflow_id, "ownerId": me.things.user_id, "enabled": True}
        path = f"/webapi/v3/schedules/{of.schedule_id}{rest}"
        return me.bearer(method, path, body=None if given is None else json.dumps(given))

    return ask


def _in_body(key: str) -> Ask:
    def ask(me: Tenant, of: Things) -> Sent:
        route = ROUTES[key]
        return me.bearer(route.method, route.path.format(**_ids(me.things)), "", me.about_people(of, route))

    return ask


def _ids(of: Things) -> dict[str, str]:
    return {
        "collectionId": of.collection_id,
        "userGroupId": of.group_id,
        "userId": of.colleague,
        "workflowId": of.workflow_id,
        "scheduleId": of.schedule_id,
    }


WALKS: dict[str, dict[str, Ask]] = {
    "POST /webapi/oauth2/token": {"client": token_of},
    "GET /webapi/v3/jobs": {
        "user": lambda me, of: me.bearer("GET", "/webapi/v3/jobs", f"allUsers=true&users={of.user_id}"),
        "name of a workflow": lambda me, of: me.bearer(
            "GET", "/webapi/v3/jobs", f"allUsers=true&workflowNames={quote(of.workflow_name)}"
        ),
    },
    "GET /webapi/v3/jobs/{jobId}": {
        **each_job("GET", "/webapi/v3/jobs/{job}"),
        "job without messages": lambda me, of: me.bearer(
            "GET", f"/webapi/v3/jobs/{of.jobs[3]}", "includeMessages=false"
        ),
    },
    "GET /webapi/v3/jobs/{jobId}/messages": {
        **each_job("GET", "/webapi/v3/jobs/{job}/messages"),
        "key of a message": lambda me, of: me.bearer(
            "GET", f"/webapi/v3/jobs/{me.things.jobs[3]}/messages", f"after={of.message_key}"
        ),
        "job and key of a message": lambda me, of: me.bearer(
            "GET", f"/webapi/v3/jobs/{of.jobs[3]}/messages", f"after={of.message_key}"
        ),
    },
    "PATCH /webapi/v3/jobs/{jobId}": each_job("PATCH", "/webapi/v3/jobs/{job}", '{"priority":"Low"}'),
    "GET /webapi/v3/queues": {},
    "GET /webapi/v3/queues/{tag}": {"tag": queue("GET")},
    "PUT /webapi/v3/queues/{tag}": {"tag": queue("PUT", '{"slots":2,"paused":false}')},
    "PATCH /webapi/v3/queues/{tag}": {"tag": queue("PATCH", '{"slots":3}')},
    "DELETE /webapi/v3/jobs/{jobId}": each_job("DELETE", "/webapi/v3/jobs/{job}"),
    "POST /webapi/v3/workflows/{workflowId}/jobs": {
        "workflow": lambda me, of: me.bearer("POST", f"/webapi/v3/workflows/{of.workflow_id}/jobs", body="{}"),
        "workflow and idempotency key": lambda me, of: me.bearer(
            "POST", f"/webapi/v3/workflows/{of.workflow_id}/jobs", key=of.idempotency_key
        ),
        "idempotency key": lambda me, of: me.bearer(
            "POST", f"/webapi/v3/workflows/{me.things.workflow_id}/jobs", key=of.idempotency_key
        ),
    },
    "GET /webapi/v3/workflows/{workflowId}/jobs": {
        "workflow": lambda me, of: me.bearer("GET", f"/webapi/v3/workflows/{of.workflow_id}/jobs"),
        "next page": lambda me, of: me.bearer("GET", f"/webapi/v3/workflows/{of.workflow_id}/jobs", "offset=1&limit=1"),
    },
    "GET /webapi/v1/jobs/{jobId}/output/{outputId}": outputs("v1"),
    "GET /webapi/v3/jobs/{jobId}/output/{outputId}": outputs("v3"),
    **{route: {} for route in ROUTES if ABOUT_PEOPLE.match(route)},
    **about_people(),
    "GET /webapi/v3/schedules": {
        "owner": lambda me, of: me.bearer("GET", "/webapi/v3/schedules", f"ownerId={of.user_id}"),
        "workflow": lambda me, of: me.bearer("GET", "/webapi/v3/schedules", f"workflowId={of.workflow_id}"),
    },
    "POST /webapi/v3/schedules": {"workflow": create_schedule},
    "GET /webapi/v3/schedules/{scheduleId}": {"schedule": on_schedule("GET")},
    "PUT /webapi/v3/schedules/{scheduleId}": {"schedule": on_schedule("PUT", {**WHOLE})},
    "PATCH /webapi/v3/schedules/{scheduleId}": {"schedule": on_schedule("PATCH", {"comment": "a"})},
    "POST /webapi/v3/schedules/{scheduleId}/run": {"schedule": on_schedule("POST", rest="/run")},
    "DELETE /webapi/v3/schedules/{scheduleId}": {"schedule": on_schedule("DELETE")},
    "GET /public/{projectKey}/jobs": {"project": lambda me, of: me.open("GET", "/jobs", project=of.project_key)},
    "GET /public/{projectKey}/jobs/{jobId}": each_number("GET"),
    "DELETE /public/{projectKey}/jobs/{jobId}": each_number("DELETE"),
    "DELETE /public/{projectKey}/users/{userId}": {
        "user who is erased": lambda me, of: me.open("DELETE", f"/users/{of.erased_user}"),
        "idempotency key": lambda me, of: me.open("DELETE", f"/users/{of.keyed_user}", key=of.idempotency_key),
        "project": lambda me, of: me.open("DELETE", "/users/anna", project=of.project_key),
    },
    "GET /inventorytriggerjob": {
        "bucket": lambda me, of: me.signed("GET", ROOT, host=of.host),
        "job": listed(jobId="{of.tencent_jobs[3]}"),
        "workflow": listed(workflowId="{of.inventory_id}"),
        "name": listed(name="{of.tencent_name}"),
        "NextToken": listed(nextToken="{of.next_token}", size="2"),
        "NextToken in its bucket": lambda me, of: me.signed(
            "GET", ROOT, {"nextToken": of.next_token, "size": "2"}, host=of.host
        ),
    },
    "POST /inventorytriggerjob": {
        "workflow": create,
        "workflow in its bucket": lambda me, of: create(me, of, of.host),
        "tag": create_by_tag,
    },
    "GET /inventorytriggerjob/{jobId+}": each_tencent_job("GET", {}),
    "PUT /inventorytriggerjob/{jobId+}": each_tencent_job("PUT", {"cancel": ""}),
}

PROBES = [
    (route, name, probe)
    # First what leaves all as it is.
    for route, probes in sorted(
        WALKS.items(), key=lambda walk: ["GET", "POST", "PUT", "PATCH", "DELETE"].index(walk[0].split()[0])
    )
    for name, probe in probes.items()
]

ALIKE_FOR_ITS_OWNER = {
    # Where in time a message stands is no secret: any key of that millisecond leads to the same place.
    ("GET /webapi/v3/jobs/{jobId}/messages", "key of a message"),
    # To the owner this and the one before are one request, and what it took out is gone.
    *((key, "the last in the path") for key in ROUTES if re.match("DELETE /webapi/v3/collections/{[^/]+}/", key)),
}


class Two(NamedTuple):
    acme: Tenant
    globex: Tenant
    nobodys: Things


def unknown(of: Things) -> Things:
    """Things of the same form that nobody has."""
    return Things(
        client_id=object_id(NOW),
        user_id=object_id(NOW),
        workflow_id=object_id(NOW),
        workflow_name="Profile of nobody",
        schedule_id=object_id(NOW),
        tag="tag-of-nobody",
        jobs=tuple(object_id(NOW) for _ in of.jobs),
        output_id=object_id(NOW),
        message_key=f"{of.message_key.rpartition('-')[0]}-00000000",
        idempotency_key="key of nobody",
        project_key=alphanumeric(20),
        numbers=tuple(str(999_000_000 + n) for n in range(len(of.numbers))),
        erased_user="erased-of-nobody",
        keyed_user="keyed-of-nobody",
        host="nobody-1250000000.ci.ap-beijing.example.com",
        inventory_id=f"w{'f' * 32}",
        inventory_name="inventory-nobody",
        tencent_jobs=tuple(f"b{'e' * 8}{object_id(NOW)}" for _ in of.tencent_jobs),
        tencent_name="work-of-nobody",
        colleague=object_id(NOW),
        colleagues_mail="colleague@nobody.example.com",
        group_id=object_id(NOW),
        collection_id=object_id(NOW),
        leaving=tuple(object_id(NOW) for _ in of.leaving),
        # Of a list and filter that are nobody's: the digest at its end is another.
        next_token=of.next_token[:-12] + "AAAABBBBCCCC",
    )


@pytest.fixture
def two(tenancy: Yard) -> Iterator[Two]:
    with still():
        acme, globex = Tenant(tenancy, "acme", 7), Tenant(tenancy, "globex", 8)
        yield Two(acme, globex, unknown(globex.things))


class Told(NamedTuple):
    """An answer, without what names the things that were asked for; and what was asked of AWS for it."""

    status: int
    headers: dict[str, str]
    text: str
    calls: list[str]


def told(ask: Ask, me: Tenant, of: Things) -> Told:
    # Who is calling is remembered for a while: each time anew, so that it is as often looked up.
    bearer.forget()
    signed.forget()
    request = ask(me, of)
    with aws_calls() as calls:
        answer = without_what_is_new(request.answer())
    text, headers = of.masked(answer.text), {name: of.masked(value) for name, value in answer.headers.items()}
    if request.method == "POST" or "/users/" in request.path:
        # A job that this request made has an id of its own.
        text = re.sub(r'"(id|jobId)":("[0-9a-f]{24}"|[0-9]+)|(<JobId>)b[0-9a-f]{32}', r"\1\3", text)
        text = re.sub(r'"access_token":"[^"]+"', "", text)
    return Told(answer.status, headers, text, calls)


def but_counters(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a job that was refused the number is left out."""
    return [each for each in items if not each["pk"]["S"].startswith("COUNTER#")]


def test_every_route_is_walked() -> None:
    assert set(WALKS) == set(ROUTES), "a route of the template of which nothing is asked here, or the other way round"
    assert {route for route, probes in WALKS.items() if not probes} == NAMES_NOTHING


def test_what_another_tenant_has_is_as_what_nobody_has(two: Two, subtests: pytest.Subtests) -> None:
    for route, name, probe in PROBES:
        with subtests.test(route, name=name):
            before, theirs = two.acme.yard.items(), two.globex.items()
            foreign = told(probe, two.acme, two.globex.things)
            if foreign.status != 200 or route.startswith("GET"):
                assert but_counters(two.acme.yard.items()) == but_counters(before)
            assert two.globex.items() == theirs
            assert foreign == told(probe, two.acme, two.nobodys)
            assert foreign.status < 500


@pytest.mark.nightly
def test_to_its_owner_it_is_known(two: Two, subtests: pytest.Subtests) -> None:
    """Or the test before would compare what nobody can ask for."""
    for route, name, probe in PROBES:
        with subtests.test(route, name=name):
            own, nobodys = (told(probe, two.globex, things) for things in (two.globex.things, two.nobodys))
            assert (own[:3] == nobodys[:3]) == ((route, name) in ALIKE_FOR_ITS_OWNER)


def test_a_tenants_own_answers_say_nothing_of_another(two: Two) -> None:
    for route, request in two.acme.valid().items():
        answer = request.answer()
        assert answer.status in (200, 201, 302), (route, answer)
        assert "globex" not in str(answer), route
        assert two.globex.things.masked(str(answer)) == str(answer), route


def test_a_key_of_one_tenant_does_not_sign_for_another(two: Two) -> None:
    mine, theirs = two.acme.key, two.globex.key
    # It makes a schedule to ask about.
    valid = two.acme.valid()
    before = two.acme.yard.items()
    for route in (each for each in ROUTES if "inventorytriggerjob" in each):
        asked = valid[route]
        parameters, host = dict(parse_qsl(asked.query, keep_blank_values=True)), {"host": asked.headers["host"]}
        for mixed in (Key(theirs.id, mine.secret), Key(mine.id, theirs.secret)):
            value = authorization(mixed, asked.method, asked.path, parameters, host)
            answer = asked._replace(headers={**asked.headers, "authorization": value}).answer()
            assert (answer.status, "<Code>InvalidAuthorization" in answer.text) == (401, True)
    assert two.acme.yard.items() == before


def test_the_token_of_a_temporary_key_is_that_keys(two: Two) -> None:
    path = f"{ROOT}/{two.acme.things.tencent_jobs[0]}"
    mine, theirs = (a_key(tenant, lifetimeSeconds=600) for tenant in ("acme", "globex"))
    assert ask(mine, "GET", path, host=two.acme.host).status == 200
    assert ask(mine._replace(token=theirs.token), "GET", path, host=two.acme.host).status == 401


def test_the_secret_of_a_client_is_that_clients(two: Two) -> None:
    for mine, theirs in (two.acme, two.globex), (two.globex, two.acme):
        fields = {"grant_type": "client_credentials", "client_id": theirs.curator.id}
        for secret in (mine.curator.secret, mine.curator.token, mine.organisation.api_key, mine.key.secret):
            body = urlencode(fields | {"client_secret": secret})
            assert Sent("POST", "/webapi/oauth2/token", "", FORM, body).answer().json["error"] == "invalid_client"


def test_one_user_in_two_tenants_has_keys_and_jobs_of_each(tenancy: Yard) -> None:
    """As an issuer of tokens may have it: the same subject, here of one tenant and there of another."""
    user, key = Person("auth0|jane", "Jane"), "one"
    made = {}
    for tenant in ("acme", "globex"):
        token, workflow = tenancy.client(Role.MEMBER, tenant, user).token, tenancy.workflow(tenant=tenant)
        path = f"/webapi/v3/workflows/{workflow.id}/jobs"
        headers = {"idempotency-key": key, "authorization": f"Bearer {token}"}
        submitted, again = (Sent("POST", path, "", headers).answer() for _ in range(2))
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in submitted.headers
        made[tenant] = submitted.json["id"]
        listed = Sent("GET", path, "", headers).answer().json
        assert [each["id"] for each in listed] == [made[tenant]]
    assert made["acme"] != made["globex"]
