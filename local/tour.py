"""What `make run` shows by itself: a queue of two slots, a schedule for each minute, a collection that shares it.

Over HTTP, as anybody would do it; each step says what it did and what came of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

TAG = "narrow"
SLOTS = 2
PRIORITIES = ("Low", "Medium", "High", "Critical")
JOBS = 20
LOOK_SECONDS = 2

type Say = Callable[[str], None]


class Ended(Exception):
    """The local run ends."""


class Tour:
    """``alteryx`` is that part of the local run's configuration (``jobyard.json``); ``say`` is told what happens.

    ``ended`` ends it at its next step, and so does a server that is no longer there.
    """

    def __init__(self, alteryx: Mapping[str, Any], say: Say, ended: threading.Event) -> None:
        self._alteryx, self._say, self._ended = alteryx, say, ended
        self._base = alteryx["base_url"]
        self._question = {"name": "input", "value": alteryx["input_uri"]}

    def start(self) -> None:
        """In a thread of its own, which keeps nobody from ending."""
        threading.Thread(target=self._take, name="tour", daemon=True).start()

    def _take(self) -> None:
        try:
            admin, member, other = map(self.token, ("admin", "member", "other"))
            schedule = self.share_a_schedule(admin)
            self.fill_a_queue(admin)
            self.look_at_a_run(schedule, admin, member, other)
        except (Ended, URLError, OSError):
            if not self._ended.is_set():
                self._say("tour: broken off, as the server did not answer")
        except Exception as error:  # noqa: BLE001 - whatever it is, the local run goes on
            self._say(f"tour: broken off: {type(error).__name__}: {error}")

    def token(self, who: str) -> str:
        """An access token of one of the configuration's clients: ``admin``, ``member`` or ``other``."""
        client = self._alteryx[who]
        form = {
            "grant_type": "client_credentials",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        }
        with urlopen(self._alteryx["token_url"], urlencode(form).encode(), timeout=30) as answer:  # noqa: S310
            return str(json.load(answer)["access_token"])

    def fill_a_queue(self, admin: str) -> list[str]:
        """Twenty jobs of mixed priority wait for two slots; the ids in the order in which they were taken."""
        queue = f"/v3/queues/{TAG}"
        self._ask("PUT", queue, admin, {"slots": SLOTS, "paused": True})
        jobs = f"/v3/workflows/{self._alteryx['workflow_id']}/jobs"
        ids = []
        for number in range(JOBS):
            priority = PRIORITIES[number % len(PRIORITIES)]
            asked = {"questions": [self._question], "workerTag": TAG, "priority": priority}
            ids.append(self._ask("POST", jobs, admin, asked)["id"])
        first = self._until(lambda: self._waiting(ids[0], admin))
        self._say(
            f"tour: queue {TAG} is paused, and {JOBS} jobs wait in it; the first that came, a {first['priority']} one, "
            f"is number {first['queuePosition']} and waits for {first['waitingFor']}"
        )
        self._ask("PATCH", queue, admin, {"paused": False})
        self._say(f"tour: queue {TAG} is resumed, with {SLOTS} slots")
        ended = self._until(lambda: self._all_ended(ids, admin))
        taken = sorted(ended, key=lambda each: (each["startTime"], each["id"]))
        order = " ".join(each["priority"][0] for each in taken)
        self._say(f"tour: its jobs ran in this order (Critical, High, Medium, Low): {order}")
        return [each["id"] for each in taken]

    def share_a_schedule(self, admin: str) -> str:
        """A schedule that fires each minute, in a collection with a member who does not own it; its id."""
        asked = {
            "workflowId": self._alteryx["workflow_id"],
            "name": "Each minute",
            "iteration": {
                "iterationType": "Cron",
                "startTime": (datetime.now(UTC) + timedelta(seconds=5)).isoformat(timespec="seconds"),
                "cronContract": {"cronExpression": "* * * * *"},
            },
            "questions": [self._question],
            "overlapPolicy": "skip",
        }
        schedule = str(self._ask("POST", "/v3/schedules", admin, asked))
        collection = self._ask("POST", "/v3/collections", admin, {"name": "Tour"})
        self._ask("POST", f"/v3/collections/{collection}/schedules", admin, {"scheduleId": schedule})
        member = {"userId": self._alteryx["member"]["user_id"]}
        self._ask("POST", f"/v3/collections/{collection}/users", admin, member)
        self._say(f"tour: schedule {schedule} fires each minute; collection {collection} shares it with the member")
        return schedule

    def look_at_a_run(self, schedule: str, admin: str, member: str, other: str) -> str:
        """Who sees the job of its first run: the member, with whom it is shared, and not the other; the job's id."""

        def ran() -> Any:
            found = self._ask("GET", f"/v3/schedules/{schedule}", admin)
            return found if found["lastJobId"] else None

        found = self._until(ran)
        job = str(found["lastJobId"])
        seen = {
            name: self._status(f"/v3/jobs/{job}", token)
            for name, token in (("the member", member), ("somebody else", other))
        }
        told = ", ".join(f"{name} gets {status}" for name, status in seen.items())
        self._say(
            f"tour: schedule {schedule} has run for {found['lastRunTime']}, next for {found['runDateTime']}; "
            f"of its job {job} {told}"
        )
        self._say(f"tour: to end it: curl -X DELETE {self._base}/v3/schedules/{schedule}, with the admin's token")
        return job

    def _waiting(self, job: str, token: str) -> Any:
        found = self._ask("GET", f"/v3/jobs/{job}", token)
        # The index of those that wait is a moment behind: it is the first of the lowest priority once it has them all.
        return found if found["queuePosition"] == JOBS - JOBS // len(PRIORITIES) + 1 else None

    def _all_ended(self, ids: list[str], token: str) -> list[Any] | None:
        # The last of the lowest priority is the last of all, so mostly one is asked for.
        if not self._ask("GET", f"/v3/jobs/{ids[-len(PRIORITIES)]}", token)["endTime"]:
            return None
        found = [self._ask("GET", f"/v3/jobs/{each}", token) for each in ids]
        return found if all(each["endTime"] for each in found) else None

    def _until[T](self, found: Callable[[], T | None]) -> T:
        while True:
            answer = found()
            if answer is not None:
                return answer
            if self._ended.wait(LOOK_SECONDS):
                raise Ended

    def _ask(self, method: str, path: str, token: str, body: Mapping[str, Any] | None = None) -> Any:
        if self._ended.is_set():
            raise Ended
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._base + path, data, headers, method=method)  # noqa: S310 - this machine's
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def _status(self, path: str, token: str) -> int:
        try:
            self._ask("GET", path, token)
        except HTTPError as error:
            return error.code
        return 200
