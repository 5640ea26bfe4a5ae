"""Promise 10: no input makes a 5xx, and none that is refused leaves a trace.

Every route of the template is asked with a whole, valid request in which something was changed: in its path, query,
headers or body, by hand or by hypothesis. Where requests are signed, the change is signed, too, half of the time: what
stands behind the signature is as open to who has a key. Each answer must be one of the dialect's own, with headers that
nothing can be smuggled into.
"""

from __future__ import annotations

import re
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract import api
from tests.contract.api import Answer, NoRoute
from tests.contract.tencent.signing import Reply, authorization
from tests.contract.yard import Yard
from tests.promises.effort import LONG, effort
from tests.promises.harness.hostile import AWKWARD, HEADERS, in_every_place, mutations
from tests.promises.harness.tenants import ROUTES, Sent, Tenant, dialect_of

pytestmark = pytest.mark.usefixtures("tenancy")

REFUSALS = {400, 401, 403, 404, 409}
EVERY = 41
"""Of so many pairs of a value and a place one is tried in the quick run."""


@pytest.fixture
def acme(tenancy: Yard) -> Tenant:
    return Tenant(tenancy, "acme", 7)


def assert_fits(route: str, answer: Answer) -> None:
    """The answer is one that the dialect has, and nothing of the request has become a header of its own."""
    assert answer.status in REFUSALS | {200, 201, 302}, answer
    answer.text.encode()
    for name, value in answer.headers.items():
        assert re.fullmatch(r"[A-Za-z0-9-]+", name), answer.headers
        assert re.fullmatch(r"[\x20-\x7e]*", value), answer.headers
    dialect = dialect_of(ROUTES[route])
    if dialect == "tencent":
        assert_tencent(answer)
    elif answer.status in REFUSALS:
        assert_refused_in_json(route, dialect, answer)


def assert_tencent(answer: Answer) -> None:
    if answer.status in REFUSALS:
        assert Reply(*answer).error
    elif answer.text:
        assert Reply(*answer).xml.tag == "Response"


def assert_refused_in_json(route: str, dialect: str, answer: Answer) -> None:
    if dialect == "alteryx":
        names = {"error", "error_description"} if route.endswith("token") else {"message"}
        assert set(answer.json) == names
    elif answer.status == 401:
        assert (answer.headers, answer.text) == ({}, "")
    elif answer.headers["Content-Type"] == "application/json":
        assert list(answer.json) == ["error"]
    else:
        assert answer == (404, {"Content-Type": "text/plain; charset=utf-8"}, "404 page not found\n")


def resigned(acme: Tenant, sent: Sent) -> Sent:
    """Signed anew as it now is, as far as clients could sign it."""
    headers = {name: value for name, value in sent.headers.items() if name != "authorization" and value.isascii()}
    parameters = {
        name: value for name, value in parse_qsl(_text(sent.query)) if not name.startswith("q-") and name.isascii()
    }
    value = authorization(acme.key, sent.method, unquote(_text(sent.path)), parameters, headers)
    return sent._replace(headers={**headers, "authorization": value})


def _text(value: str) -> str:
    return value.encode(errors="replace").decode()


def kept(acme: Tenant) -> list[dict[str, Any]]:
    """What the table has, but for counters: of a job that was refused the number is left out."""
    api.before_list()  # what count does of itself, is done
    return [each for each in acme.yard.items() if not each["pk"]["S"].startswith("COUNTER#")]


@pytest.mark.nightly
def test_awkward_values_in_every_place(acme: Tenant, subtests: pytest.Subtests) -> None:
    """Each value in each place of some route; in the long run of every route."""
    whole = acme.valid()
    for n, route in enumerate(ROUTES):
        dialect, before = dialect_of(ROUTES[route]), kept(acme)
        tried = 0
        with subtests.test(route):
            for m, value in enumerate(AWKWARD):
                for k, (place, sent, event) in enumerate(in_every_place(whole[route], dialect, value)):
                    if not LONG and (n + m + k) % EVERY:
                        continue
                    signs = dialect == "tencent" and place not in HEADERS
                    try:
                        answer = (resigned(acme, sent) if signs else sent).answer(**event)
                    except NoRoute:
                        assert place.startswith("segment")
                        continue
                    assert_fits(route, answer)
                    tried += 1
            assert tried > 30
            assert not route.startswith("GET") or kept(acme) == before


@pytest.mark.nightly
def test_whatever_is_changed_in_a_valid_request(acme: Tenant, subtests: pytest.Subtests) -> None:
    whole, table = acme.valid(), kept(acme)

    @effort(12)
    @given(data=st.data())
    def ask(route: str, data: st.DataObject) -> None:
        nonlocal table
        sent = whole[route]
        for change in data.draw(st.lists(mutations(), min_size=1, max_size=3)):
            sent = change(sent)
        if dialect_of(ROUTES[route]) == "tencent" and data.draw(st.booleans()):
            sent = resigned(acme, sent)
        try:
            answer = sent.answer()
        except NoRoute:
            return
        assert_fits(route, answer)
        before, table = table, kept(acme)
        if answer.status in REFUSALS or sent.method == "GET":
            assert table == before

    for route in ROUTES:
        with subtests.test(route):
            ask(route=route)


def test_events_without_what_may_be_absent(acme: Tenant, subtests: pytest.Subtests) -> None:
    members: dict[str, list[Any]] = {"pathParameters": [None, {}], "cookies": [["a=b"]], "rawQueryString": [""]}
    events: list[dict[str, Any]] = [{name: value} for name, given in members.items() for value in given]
    for route, whole in acme.valid().items():
        with subtests.test(route):
            assert_fits(route, whole._replace(body=None).answer())
            assert_fits(route, whole._replace(body="").answer())
            assert_fits(route, whole._replace(headers={}).answer())
            for event in events:
                assert_fits(route, whole.answer(**event))


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_other_methods_and_paths_are_the_gateways_to_refuse(acme: Tenant) -> None:
    requests = [*acme.valid().values(), acme.open("GET", "/users/anna"), acme.open("GET", "")]
    for request, method in product(requests, METHODS):
        changed = request._replace(method=method, body=None)
        if not any(route.method == method and matches(route.path, changed.path) for route in ROUTES.values()):
            with pytest.raises(NoRoute):
                changed.answer()


def matches(template: str, path: str) -> bool:
    return bool(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", re.sub(r"\{\w+\+\}", ".+", template)), path))
