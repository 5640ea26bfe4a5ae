"""POST /inventorytriggerjob"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from typing import Any

import pytest

from jobyard.model import Facets, Workflow
from jobyard.store import jobs
from tests.contract.tencent.conftest import WORKFLOW_ID
from tests.contract.tencent.signing import BUCKET, Key, Reply, ask, authorization, send
from tests.contract.yard import Clock, Yard
from tests.in_turn import in_turn

INPUT = "<Input>\n\t<Prefix>input</Prefix>\n</Input>"
INTERVAL = "<TimeInterval><Start>2022-02-01T12:00:00+0800</Start><End>2022-05-01T12:00:00+0800</End></TimeInterval>"
OPERATION = f"<Operation>\n\t{INTERVAL}\n\t<WorkflowIds>{WORKFLOW_ID}</WorkflowIds>\n</Operation>"


def document(name: str = "demo", type: str = "Workflow", input: str = INPUT, operation: str = OPERATION) -> str:
    kind = f"<Type>{type}</Type>" if type else ""
    return f"<Request>\n<Name>{name}</Name>\n{kind}{input}\n{operation}\n</Request>"


def operation(*more: str) -> str:
    return f"<Operation><WorkflowIds>{WORKFLOW_ID}</WorkflowIds>{''.join(more)}</Operation>"


def create(key: Key, body: str = "", **more: Any) -> Reply:
    return ask(key, "POST", body=body or document(), **more)


def kept(reply: Reply) -> Any:
    job = jobs.get("acme", reply.get("JobsDetail/JobId"))
    assert job
    return job


def questions(reply: Reply) -> dict[str, str]:
    return {question.name: question.value for question in kept(reply).questions}


pytestmark = pytest.mark.usefixtures("inventory")


def test_a_job_is_found_by_its_own_name_its_type_and_the_id_of_its_workflow(key: Key, tenancy: Yard) -> None:
    tenancy.workflow(id=f"w{'1' * 32}", name="Transcode")
    of_a_tag = "<Operation><Tag>Transcode</Tag><JobParam><TemplateId>t1</TemplateId></JobParam>"
    of_a_tag += f"<Output><Region>ap-beijing</Region><Bucket>{BUCKET}</Bucket><Object>o</Object></Output></Operation>"
    assert kept(create(key, document("May"))).facets == Facets("May", "", WORKFLOW_ID, 0)
    made = kept(create(key, document("June", type="Job", operation=of_a_tag)))
    assert made.facets == Facets("June", "", f"w{'1' * 32}", 1)


def test_a_new_job_as_the_vendor_shows_one(key: Key) -> None:
    made = create(key)
    assert made.status == 200
    assert made.headers["Content-Type"] == "application/xml"
    assert [each.tag for each in made.xml] == ["RequestId", "JobsDetail"]
    assert [each.tag for each in made.xml[1]] == [
        *("Code", "Type", "Message", "Name", "JobId", "State"),
        *("CreationTime", "StartTime", "EndTime", "Input", "Operation"),
    ]
    shown = {each.tag: each.text for each in made.xml[1]}
    assert (shown["Code"], shown["Type"], shown["Message"], shown["Name"]) == ("Success", "Workflow", None, "demo")
    assert (shown["State"], shown["StartTime"], shown["EndTime"]) == ("Submitted", "-", "-")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0800", str(shown["CreationTime"]))
    assert "<Message/>" in made.text


def test_its_id_is_a_uuid_of_version_1(key: Key) -> None:
    id = create(key).get("JobsDetail/JobId")
    assert re.fullmatch("b[0-9a-f]{32}", id)
    assert uuid.UUID(id[1:]).version == 1
    assert uuid.UUID(id[1:]).node >> 40 & 1, "a random node, not this machine's"


def test_the_id_of_the_request_is_in_body_and_header(key: Key) -> None:
    made = create(key)
    assert made.headers["x-ci-request-id"] == made.get("RequestId")
    assert re.fullmatch(r"[0-9a-f]{8}(_[0-9a-f]+){3}", base64.b64decode(made.get("RequestId")).decode())


@pytest.mark.parametrize(
    ("input", "operation_"),
    [
        (INPUT, OPERATION),
        ("<Input><Prefix>数据/输入</Prefix></Input>", operation("<UserData>这是 &lt;数据&gt; &amp; more</UserData>")),
        ("<Input><Prefix><![CDATA[a&b]]></Prefix><!-- why --></Input>", operation("<Later><b/><a/><b></b></Later>")),
        ("<Input  a='>'><Object>/>x</Object></Input >", operation("<B>1</B><A>2</A><B>3</B>\n<!--/-->")),
    ],
)
def test_input_and_operation_are_echoed_to_the_letter(key: Key, input: str, operation_: str) -> None:
    made = create(key, document(input=input, operation=operation_))
    assert f"\n{input}\n{operation_}\n" in made.text
    got = ask(key, "GET", f"/inventorytriggerjob/{made.get('JobsDetail/JobId')}")
    assert f"\n{input}\n{operation_}\n" in got.text


def test_what_the_workflow_is_asked(key: Key) -> None:
    output = "<Output><Region>r</Region><Bucket>b-1</Bucket><Object>out/${InventoryTriggerJobId}</Object></Output>"
    body = document(operation=OPERATION.replace("</Operation>", f"{output}<JobLevel>2</JobLevel></Operation>"))
    made = create(key, body)
    assert questions(made) == {
        "Prefix": "input",
        "Start": "1643688000000",
        "End": "1651377600000",
        "Bucket": BUCKET,
        "OutputObject": "out/${InventoryTriggerJobId}",
        "OutputBucket": "b-1",
    }
    assert (kept(made).priority, kept(made).workflow_id) == ("High", WORKFLOW_ID)


@pytest.mark.parametrize(
    ("input", "asked"),
    [
        ("<Input><Object>a b.txt</Object></Input>", {"Object": "a b.txt"}),
        ("<Input><UrlFile>https://x/urls</UrlFile></Input>", {"UrlFile": "https://x/urls"}),
        ("<Input><Manifest>https://x/manifest.json</Manifest></Input>", {"Manifest": "https://x/manifest.json"}),
        ("<Input><Prefix/></Input>", {"Prefix": ""}),
        ("<Input><Manifest></Manifest><UrlFile/><Prefix>a</Prefix><Object></Object></Input>", {"Prefix": "a"}),
    ],
)
def test_each_kind_of_input(key: Key, input: str, asked: dict[str, str]) -> None:
    assert questions(create(key, document(input=input, operation=operation()))) == asked | {"Bucket": BUCKET}


@pytest.mark.parametrize(
    "interval",
    [
        "<TimeInterval></TimeInterval>",
        "<TimeInterval><Start></Start><End/></TimeInterval>",
        "<TimeInterval><Start>0</Start><End>now</End></TimeInterval>",
        "",
    ],
)
def test_an_empty_interval_is_none(key: Key, interval: str) -> None:
    assert set(questions(create(key, document(operation=operation(interval))))) == {"Prefix", "Bucket"}


@pytest.mark.parametrize(
    "start",
    [
        *("2022-02-01T12:00:00+0800", "2022-02-01T12:00:00+08:00", "2022-02-01T04:00:00Z", "2022-02-01T04:00:00z"),
        *("2022-02-01T12:00:00", "2022-02-01 12:00:00", "2022-02-01T12:00:00.123+0800", "2022-01-31T23:00:00-0500"),
    ],
)
def test_forms_of_a_time(key: Key, start: str) -> None:
    interval = f"<TimeInterval><Start>{start}</Start></TimeInterval>"
    assert questions(create(key, document(operation=operation(interval))))["Start"] == "1643688000000"


@pytest.mark.parametrize(
    "body",
    [
        '<?xml version="1.0" encoding="utf-8"?>\n' + document(),
        "\ufeff" + document(),
        document().replace("<Request>", '<Request xmlns="http://www.qcloud.com/document/product/436/7751">'),
        document(type=""),
        document(type="workflow"),
        document(name="演示-demo_1"),
        document(name="n" * 128),
        document().replace("</Request>", "<Unknown><More/></Unknown></Request>"),
        document().replace("\n", "\r\n"),
    ],
)
def test_bodies_that_clients_send(key: Key, body: str) -> None:
    assert create(key, body).get("JobsDetail/Type") == "Workflow"


def test_no_type_of_the_content_and_a_body_in_base64(key: Key) -> None:
    sent = {"authorization": authorization(key, "POST", "/inventorytriggerjob")}
    assert send("POST", body=document().encode(), headers=sent).status == 200
    assert send("POST", body=document().encode("utf-16"), headers=sent).status == 200


def test_the_digest_of_the_body_is_compared(key: Key, tenancy: Yard) -> None:
    digest = base64.b64encode(hashlib.md5(document().encode()).digest()).decode()
    assert create(key, headers={"content-md5": digest}).status == 200
    with tenancy.unchanged():
        assert create(key, headers={"content-md5": digest[::-1]}).error == (400, "InvalidContent")


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@in_turn(
    ("body", "code"),
    [
        ("", "MissingContent"),
        (" \n", "MissingContent"),
        ("{}", "InvalidContent"),
        ("<Request>", "InvalidContent"),
        ("<Response/>", "InvalidContent"),
        ("<request/>", "InvalidContent"),
        (f"{BOMB}{document(name='&b;')}", "InvalidContent"),
        (f"{EXTERNAL}{document(name='&x;')}", "InvalidContent"),
        ("<!DOCTYPE Request SYSTEM 'http://127.0.0.1/x.dtd'><Request/>", "InvalidContent"),
        (document(name="&b;"), "InvalidContent"),
        (document(name="a\x00b"), "InvalidContent"),
        (document().replace("<Name>", "<x:Name xmlns:x='y'>").replace("</Name>", "</x:Name>"), "InvalidContent"),
        ("<Request>" + "<a>" * 50_000, "InvalidContent"),
        (document() + document(), "InvalidContent"),
        (document(input=INPUT * 2), "InvalidContent"),
        (document().replace("</Request>", "<a/>" * 10_001 + "</Request>"), "InvalidContent"),
        (document().replace("</Request>", f"<a>{'x' * 1_000_000}</a></Request>"), "InvalidContent"),
        (document(operation=operation(f"<UserData>{'x' * 33_000}</UserData>")), "InvalidArgument"),
        ("<Request/>", "InvalidArgument"),
        (document(input=""), "InvalidArgument"),
        (document(operation=""), "InvalidArgument"),
        (document(name=""), "InvalidArgument"),
        (document(name="a b"), "InvalidArgument"),
        (document(name="a/b"), "InvalidArgument"),
        (document(name="n" * 129), "InvalidArgument"),
        (document(type="Both"), "InvalidArgument"),
        (document(input="<Input/>"), "InvalidArgument"),
        (document(input="<Input><Object/></Input>"), "InvalidArgument"),
        (document(input="<Input><Prefix>a</Prefix><Object>b</Object></Input>"), "InvalidArgument"),
        (document(operation="<Operation/>"), "InvalidArgument"),
        (document(operation="<Operation><WorkflowIds>x</WorkflowIds></Operation>"), "InvalidArgument"),
        (document(operation=OPERATION.replace(WORKFLOW_ID, f"w{'0' * 32}")), "InvalidArgument"),
        (document(operation=OPERATION.replace(WORKFLOW_ID, f"{WORKFLOW_ID},w{'0' * 32}")), "InvalidArgument"),
        (document(operation=OPERATION.replace("2022-02", "2022-13")), "InvalidArgument"),
        (document(operation=OPERATION.replace("2022-02", "2023-02")), "InvalidArgument"),
        (document(operation=OPERATION.replace("2022-02", "٢٠٢٢-02")), "InvalidArgument"),
        (document(operation=operation("<JobLevel>3</JobLevel>")), "InvalidArgument"),
        (document(operation=operation("<QueueId>a b</QueueId>")), "InvalidArgument"),
        (document(operation=operation("<QueueType>SpeedTranscoding</QueueType>")), "InvalidArgument"),
        (document(operation=operation("<CallBackFormat>YAML</CallBackFormat>")), "InvalidArgument"),
        (document(operation=operation("<CallBackType>Fax</CallBackType>")), "InvalidArgument"),
        (document(operation=operation("<CallBackType>TDMQ</CallBackType>")), "InvalidArgument"),
    ],
)
def test_what_is_refused(key: Key, tenancy: Yard, body: str, code: str) -> None:
    with tenancy.unchanged():
        assert ask(key, "POST", body=body).error == (400, code)


def test_halves_of_letters_are_no_xml(key: Key, tenancy: Yard) -> None:
    sent = {"authorization": authorization(key, "POST", "/inventorytriggerjob")}
    with tenancy.unchanged():
        assert send("POST", body=document(name="\ud800"), headers=sent).error == (400, "InvalidContent")


def test_of_a_job_of_type_job_the_tag_names_the_workflow(key: Key, tenancy: Yard) -> None:
    tagged = tenancy.workflow(name="Transcode")
    wanted = (
        "<Operation><Tag>Transcode</Tag><JobParam><TemplateId>t1</TemplateId></JobParam>"
        "<Output><Region>r</Region><Bucket>b-1</Bucket><Object>o</Object></Output><QueueId>p123</QueueId></Operation>"
    )
    made = create(key, document(type="Job", operation=wanted))
    assert made.get("JobsDetail/Type") == "Job"
    assert (kept(made).workflow_id, kept(made).worker_tag) == (tagged.id, "p123")
    assert questions(made) == {
        "Prefix": "input",
        "Bucket": BUCKET,
        "OutputObject": "o",
        "OutputBucket": "b-1",
        "Tag": "Transcode",
        "Operation": wanted,
    }


def test_a_tag_without_a_workflow_is_told_which_there_are(key: Key, tenancy: Yard) -> None:
    tenancy.workflow(name="Transcode")
    tenancy.workflow(name="Secret", tenant="globex")
    wanted = "<Operation><Tag>VideoTag</Tag><JobParam/></Operation>"
    refused = create(key, document(type="Job", operation=wanted))
    assert refused.error == (400, "InvalidArgument")
    assert "Transcode, inventory" in refused.get("Message")
    assert "Secret" not in refused.text


@pytest.mark.parametrize(
    ("missing", "wanted"),
    [
        ("Tag", "<Operation><JobParam/></Operation>"),
        ("JobParam", "<Operation><Tag>Snapshot</Tag></Operation>"),
        ("Output.Region", "<Operation><Tag>Snapshot</Tag><JobParam/></Operation>"),
        ("Output.Bucket", "<Operation><Tag>A</Tag><JobParam/><Output><Region>r</Region></Output></Operation>"),
    ],
)
def test_what_a_job_of_type_job_needs(key: Key, missing: str, wanted: str) -> None:
    refused = create(key, document(type="Job", operation=wanted))
    assert refused.error == (400, "InvalidArgument")
    assert f"Operation.{missing} is missing" in refused.get("Message")


def test_a_workflow_registered_by_an_id_of_ours(key: Key, inventory: Workflow, tenancy: Yard) -> None:
    other = tenancy.workflow(name="other")
    made = create(key, document(operation=f"<Operation><WorkflowIds>{other.id}</WorkflowIds></Operation>"))
    assert kept(made).workflow_id == other.id


RETRY = {"x-cos-sdk-retry": "true"}


def id_of(reply: Reply) -> str:
    assert reply.status == 200, reply.text
    return reply.get("JobsDetail/JobId")


def test_a_retry_is_answered_with_the_first_job(key: Key, tenancy: Yard) -> None:
    first = create(key)
    again = create(key, headers=RETRY)
    assert id_of(again) == id_of(first)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert id_of(create(key, headers=RETRY)) == id_of(first)
    assert tenancy.jobs() == [id_of(first)]


def test_equal_creates_that_are_no_retries_are_two_jobs(key: Key) -> None:
    assert id_of(create(key)) != (second := id_of(create(key)))
    assert id_of(create(key, headers=RETRY)) == second


def test_a_retry_whose_first_try_never_arrived_makes_the_job(key: Key) -> None:
    made = create(key, headers=RETRY)
    assert "Idempotency-Replayed" not in made.headers
    assert id_of(create(key, headers=RETRY)) == id_of(made)
    assert id_of(create(key)) != id_of(made), "a new wish, later"


def test_retries_of_others_are_others(key: Key, stranger_key: Key, tenancy: Yard) -> None:
    tenancy.workflow(id=WORKFLOW_ID, tenant="globex")
    ids = {
        id_of(create(key)),
        id_of(create(key, document(name="other"), headers=RETRY)),
        id_of(create(key, headers=RETRY, host="other-1250000000.ci.x.example.com")),
        id_of(create(stranger_key, headers=RETRY)),
    }
    assert len(ids) == 4


def test_a_retry_is_one_for_five_minutes(key: Key, clock: Clock) -> None:
    first = id_of(create(key))
    clock.advance(299)
    assert id_of(create(key, headers=RETRY)) == first
    clock.advance(2)
    assert id_of(create(key, headers=RETRY)) != first


def test_an_idempotency_key_as_in_every_dialect(key: Key, tenancy: Yard) -> None:
    keyed = {"idempotency-key": "one"}
    first = create(key, headers=keyed)
    assert id_of(create(key, headers=keyed)) == id_of(first)
    assert create(key, document(name="other"), headers=keyed).error == (409, "InvalidArgument")
    assert tenancy.jobs() == [id_of(first)]
