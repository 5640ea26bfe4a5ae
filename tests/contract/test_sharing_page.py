"""The example of docs/sharing.md does what the page says."""

from __future__ import annotations

import re

from jobyard.model import Status
from local.template import ROOT
from tests.contract.api import call
from tests.contract.yard import Client, Yard
from tests.factories import NOW

_STEP = re.compile(r"(?P<who>\w+) (?P<method>[A-Z]+) (?P<path>\S+)(?P<body> {.*})? -> (?P<status>\d+)")
SCHEDULE = "5" * 24


def test_the_example_of_the_page_runs(yard: Yard, curator: Client, member: Client) -> None:
    yard.schedule(SCHEDULE, curator.user.id)
    job = yard.job(status=Status.RUNNING, started_at=NOW, owner=curator.user, schedule_id=SCHEDULE)
    named = {"job": job.id, "schedule": SCHEDULE, "user": member.user.id}
    (example,) = re.findall("```http\n(.*?)```", (ROOT / "docs/sharing.md").read_text(encoding="utf-8"), re.DOTALL)
    told: list[str] = []
    for line in example.splitlines():
        step = _STEP.fullmatch(line)
        assert step, line
        # What is in braces, and no member of the body.
        path, body = (re.sub(r"{(\w+)}", lambda each: named[each[1]], step[part] or "") for part in ("path", "body"))
        token = {"curator": curator, "user": member}[step["who"]].token
        path, _, query = path.partition("?")
        answer = call(step["method"], path, token, query, body.strip() or None)
        assert answer.status == int(step["status"]), (line, answer.text)
        if path.endswith("/collections"):
            named["collection"] = answer.json
        elif "/audit" in path:
            told = [each["action"] for each in answer.json]
    assert told == ["collection.remove", *["collection.add"] * 2, "collection.create"]
