"""GET /v3/queues, GET, PUT and PATCH /v3/queues/{tag}: how many jobs of a worker tag run at once. For administrators.

An addition to the vendor's API. In the path ``-`` stands for no tag.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from jobyard.dialects.alteryx.bodies import read
from jobyard.dialects.alteryx.caller import administrator
from jobyard.http import Request, Response, json_response
from jobyard.model.queue import SLOTS_MOST, Queue
from jobyard.service import queues
from jobyard.service.queues import Shown

UNTAGGED = "-"
_ABOVE = re.compile("/v3/+queues")
"""In the path; there may be a slash too many."""


def _whole(given: Any) -> Any:
    # To JSON 3.0 is the number that 3 is.
    return int(given) if isinstance(given, float) and given.is_integer() else given


Slots = Annotated[StrictInt, Field(ge=0, le=SLOTS_MOST), BeforeValidator(_whole)]


class QueueContract(BaseModel):
    """``slots``: null for no limit."""

    model_config = ConfigDict(extra="ignore")

    slots: Slots | None
    paused: StrictBool


class ChangeQueueContract(BaseModel):
    """A member that is left out changes nothing."""

    model_config = ConfigDict(extra="ignore")

    slots: Slots | None = None
    paused: StrictBool | None = None


def answer(request: Request) -> Response:
    who = administrator(request)
    named = _ABOVE.split(request.path, maxsplit=1)[-1].strip("/")
    if not named:
        return json_response(200, [_view(each) for each in queues.all_of(who)])
    tag = request.path_parameters.get("tag", named)
    tag = "" if tag == UNTAGGED else tag
    if request.method == "PUT":
        whole = read(request, QueueContract)
        return json_response(200, _detail(queues.put(who, request.source, tag, lambda _: (whole.slots, whole.paused))))
    if request.method == "PATCH":
        part = read(request, ChangeQueueContract)
        return json_response(200, _detail(queues.put(who, request.source, tag, lambda queue: _changed(queue, part))))
    return json_response(200, _detail(queues.shown(who, tag)))


def _changed(queue: Queue, part: ChangeQueueContract) -> tuple[int | None, bool]:
    slots = part.slots if "slots" in part.model_fields_set else queue.slots
    return slots, queue.paused if part.paused is None else part.paused


def _view(queue: Queue) -> dict[str, Any]:
    return {"tag": queue.tag, "slots": queue.slots, "paused": queue.paused, "running": queue.counted}


def _detail(shown: Shown) -> dict[str, Any]:
    return _view(shown.queue) | {"waiting": shown.waiting}
