"""What a create asks for, checked as far as the vendor's page says; all else in Input and Operation is only kept."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

from jobyard.dialects.tencent import times
from jobyard.dialects.tencent.body import Document
from jobyard.dialects.tencent.ids import is_workflow_id
from jobyard.dialects.tencent.parameters import TYPES, one_of, shown
from jobyard.errors import Invalid
from jobyard.model import Priority, Question

NAME_LONGEST = 128
KEPT_BYTES = 32 * 1024
"""Input and Operation together, as they are written: every answer about the job has them."""

SOURCES = ("Manifest", "UrlFile", "Prefix", "Object")
LEVELS = {"0": Priority.DEFAULT, "1": Priority.MEDIUM, "2": Priority.HIGH}
NO_OUTPUT_TAGS = {"VideoTag", "ExtractDigitalWatermark", "MediaInfo", "QualityEstimate"}
QUEUE_REGIONS = ("sh", "bj", "gz", "cd", "hk")

_NAME = re.compile(r"[\w—-]+\Z")  # the vendor's page prints the dash long
QUEUE_ID = re.compile(r"[0-9A-Za-z_-]{1,128}\Z")


class Contract(NamedTuple):
    """``workflow_id`` for a job of type Workflow, ``tag`` for one of type Job; the other is empty."""

    name: str
    type: str
    workflow_id: str
    tag: str
    priority: Priority
    queue_id: str
    questions: list[Question]
    input: str
    operation: str


def contract(document: Document, bucket: str) -> Contract:
    """Raises ``Invalid``, naming the element."""
    root = document.root
    given, operation = _container(root, "Input"), _container(root, "Operation")
    kept = (document.sources["Input"], document.sources["Operation"])
    if (size := sum(len(each.encode()) for each in kept)) > KEPT_BYTES:
        raise Invalid("Input", f"Input and Operation have {size} bytes together; at most {KEPT_BYTES} are allowed.")
    type = one_of("Type", _text(root, "Type") or TYPES[0], {each: each for each in TYPES})
    workflow_id, tag = (_workflow_id(operation), "") if type == TYPES[0] else ("", _tag(operation))
    _check_callback(operation)
    questions = [_source(given), *_interval(operation), Question("Bucket", bucket)]
    if output := _text(operation, "Output/Object"):
        questions.append(Question("OutputObject", output))
        if (elsewhere := _text(operation, "Output/Bucket")) not in ("", bucket):
            questions.append(Question("OutputBucket", elsewhere))
    if tag:
        # The parameters of a job are its tag's own: its function reads them as they were written.
        questions += [Question("Tag", tag), Question("Operation", kept[1])]
    level = _text(operation, "JobLevel") or "0"
    return Contract(
        name=_name(_text(root, "Name")),
        type=type,
        workflow_id=workflow_id,
        tag=tag,
        priority=one_of("Operation.JobLevel", level, LEVELS),
        queue_id=_queue_id(operation, tag),
        questions=questions,
        input=kept[0],
        operation=kept[1],
    )


def _container(root: Element, name: str) -> Element:
    found = root.find(name)
    if found is None:
        raise Invalid(name, f"{name} is missing.")
    return found


def _text(node: Element, path: str) -> str:
    return (node.findtext(path) or "").strip()


def _name(name: str) -> str:
    if not name:
        raise Invalid("Name", "Name is missing.")
    if len(name) > NAME_LONGEST or not _NAME.match(name):
        raise Invalid(
            "Name",
            f"Name: {shown(name)} is not allowed. Allowed: Chinese characters, letters, digits, - and _, "
            f"{NAME_LONGEST} at the most.",
        )
    return name


def _source(given: Element) -> Question:
    """The one of the four that has a value. An empty Prefix alone is the whole bucket."""
    # As they are: a key may begin or end with a space.
    values = [Question(name, given.findtext(name) or "") for name in SOURCES if _text(given, name)]
    if len(values) > 1:
        names = " and ".join(each.name for each in values)
        raise Invalid("Input", f"Input has {names}; one of {', '.join(SOURCES)} is allowed.")
    if not values and given.find("Prefix") is None:
        raise Invalid("Input", f"Input needs one of {', '.join(SOURCES)}.")
    return values[0] if values else Question("Prefix", "")


def _interval(operation: Element) -> list[Question]:
    """Milliseconds since the epoch, as text. An empty container is what the Go client sends for none."""
    found: dict[str, int] = {}
    for name, default in (("Start", "0"), ("End", "now")):
        given = _text(operation, f"TimeInterval/{name}")
        if not given or given.lower() == default:
            continue
        at = times.read(given)
        if at is None:
            raise Invalid(
                f"Operation.TimeInterval.{name}",
                f"Operation.TimeInterval.{name}: {shown(given)} is not a time. Allowed form: 2022-02-01T12:00:00+0800.",
            )
        found[name] = at
    if len(found) == 2 and found["Start"] > found["End"]:
        raise Invalid("Operation.TimeInterval", "Operation.TimeInterval: Start is after End.")
    return [Question(name, str(at)) for name, at in found.items()]


def _workflow_id(operation: Element) -> str:
    given = [id.strip() for each in operation.findall("WorkflowIds") for id in (each.text or "").split(",")]
    ids = list(dict.fromkeys(id for id in given if id))
    if not ids:
        raise Invalid("Operation.WorkflowIds", "Operation.WorkflowIds is missing; a job of type Workflow needs it.")
    if len(ids) > 1:
        raise Invalid(
            "Operation.WorkflowIds", f"Operation.WorkflowIds: one workflow for each job is allowed, not {len(ids)}."
        )
    if not is_workflow_id(ids[0]):
        raise Invalid(
            "Operation.WorkflowIds",
            f"Operation.WorkflowIds: {shown(ids[0])} is no id of a workflow: w and 32 hexadecimal digits.",
        )
    return ids[0]


def _tag(operation: Element) -> str:
    """What a job of type Job needs besides its tag: ``JobParam``, and for most tags ``Output``."""
    tag = _text(operation, "Tag")
    if not tag:
        raise Invalid("Operation.Tag", "Operation.Tag is missing; a job of type Job needs it.")
    if operation.find("JobParam") is None:
        raise Invalid("Operation.JobParam", "Operation.JobParam is missing; a job of type Job needs it.")
    if tag not in NO_OUTPUT_TAGS:
        for name in ("Region", "Bucket"):
            if not _text(operation, f"Output/{name}"):
                raise Invalid(f"Operation.Output.{name}", f"Operation.Output.{name} is missing; {shown(tag)} needs it.")
    return tag


def _queue_id(operation: Element, tag: str) -> str:
    queue, kind = _text(operation, "QueueId"), _text(operation, "QueueType")
    if queue and not QUEUE_ID.match(queue):
        raise Invalid("Operation.QueueId", f"Operation.QueueId: {shown(queue)} is no id of a queue.")
    if kind:
        one_of("Operation.QueueType", kind, {"SpeedTranscoding": True})
        if tag != "Transcode" or queue:
            raise Invalid("Operation.QueueType", "Operation.QueueType is for the tag Transcode without a QueueId.")
    return queue


def _check_callback(operation: Element) -> None:
    for name, allowed in (("CallBackFormat", ("JSON", "XML")), ("CallBackType", ("Url", "TDMQ", "Kafka"))):
        if given := _text(operation, name):
            one_of(f"Operation.{name}", given, {each: each for each in allowed})
    if _text(operation, "CallBackType").lower() == "tdmq":
        config = "CallBackMqConfig"
        for name in ("MqRegion", "MqName"):
            if not _text(operation, f"{config}/{name}"):
                raise Invalid(
                    f"Operation.{config}.{name}",
                    f"Operation.{config}.{name} is missing; the CallBackType TDMQ needs it.",
                )
        region = _text(operation, f"{config}/MqRegion")
        one_of(f"Operation.{config}.MqRegion", region, {each: each for each in QUEUE_REGIONS})
        if mode := _text(operation, f"{config}/MqMode"):
            one_of(f"Operation.{config}.MqMode", mode, {each: each for each in ("Topic", "Queue")})
