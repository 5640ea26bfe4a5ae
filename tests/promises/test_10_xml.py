"""Promise 10, the XML of a create: anything is read as what it says, or refused; nothing is expanded or fetched."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.dialects.tencent.body import Document, parse
from jobyard.dialects.tencent.contract import contract
from jobyard.dialects.tencent.errors import InvalidContent, MissingContent
from jobyard.dialects.tencent.views import detail
from jobyard.errors import Invalid
from tests.factories import a_job
from tests.promises.effort import effort
from tests.promises.harness.hostile import AWKWARD, PIECES
from tests.promises.harness.tenants import inventory_of

WHOLE = inventory_of("w" + "0" * 32)

DECLARED = "<!DOCTYPE Request [{}]><Request><Name>{}</Name></Request>"
HARMFUL = {
    "entities within entities": DECLARED.format(
        '<!ENTITY a "ha">'
        + "".join(f'<!ENTITY {n} "{f"&{p};" * 10}">' for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
        "&i;",
    ),
    "one entity, very often": DECLARED.format(f'<!ENTITY a "{"x" * 10_000}">', "&a;" * 10_000),
    "an entity of a file": DECLARED.format('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
    "an entity of a host": DECLARED.format('<!ENTITY a SYSTEM "http://169.254.169.254/latest/meta-data/">', "&a;"),
    "an entity of parameters": DECLARED.format('<!ENTITY % a SYSTEM "http://127.0.0.1:1/a.dtd"> %a;', ""),
    "a type elsewhere": '<!DOCTYPE Request SYSTEM "http://127.0.0.1:1/a.dtd"><Request/>',
    "a type": "<!DOCTYPE Request><Request/>",
    "a public type": '<!DOCTYPE Request PUBLIC "-//a//b" "c"><Request/>',
    "defaults of attributes": DECLARED.format('<!ATTLIST Request a CDATA "b">', ""),
    "an entity that nobody declared": "<Request>&nbsp;</Request>",
    "an inclusion": '<Request xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></Request>',
    "a prefix": '<a:Request xmlns:a="b"/>',
    "a prefix within": '<Request><Input xmlns:a="b"><a:Prefix/></Input></Request>',
    "a prefix that nobody declared": "<a:Request/>",
    "very deep": "<a>" * 100_000,
    "very many": f"<Request>{'<a/>' * 100_000}</Request>",
    "very long": f"<Request>{'x' * 2_000_000}</Request>",
    "very many attributes": f"<Request {' '.join(f'''a{n}="" ''' for n in range(200_000))}/>",
    "a part twice": "<Request><Input/><Input/></Request>",
    "another root": "<Response/>",
    "no end": "<Request>",
    "two roots": "<Request/><Request/>",
    "text behind": "<Request/>x",
    "a null": "<Request>\x00</Request>",
    "a control": "<Request>\x01</Request>",
    "a reference to a null": "<Request>&#0;</Request>",
    "half of a pair": "<Request>&#xd800;</Request>",
    "version 1.1": '<?xml version="1.1"?><Request>&#1;</Request>',
}


@pytest.mark.parametrize("body", HARMFUL.values(), ids=list(HARMFUL))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_is_harmful_is_refused(body: str, encoding: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        parse(body.encode(encoding))
    assert len(str(refused.value)) < 300
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "iso-8859-1"])
def test_other_encodings_are_refused_or_harmless(encoding: str) -> None:
    """What a document declares of itself is not believed: a type that hides in another encoding is none in UTF-8."""
    for declared in ("", f"<?xml version='1.0' encoding='{encoding}'?>"):
        with pytest.raises(InvalidContent):
            parse((declared + HARMFUL["an entity of a file"]).encode(encoding))
        found = read((declared + "<Request><Name>é</Name></Request>").encode(encoding))
        # As UTF-7 has it, it is ASCII of another meaning.
        assert found is None or (encoding, found.root.findtext("Name")) == ("utf-7", "+AOk")


@pytest.mark.parametrize("body", [b"", b" ", b"\n\t\r\n"])
def test_no_body(body: bytes) -> None:
    with pytest.raises(MissingContent):
        parse(body)


def same(one: ET.Element, other: ET.Element) -> bool:
    """Alike but for namespaces."""
    return (
        one.tag.rpartition("}")[2] == other.tag.rpartition("}")[2]
        and (one.text or "") == (other.text or "")
        and one.attrib == other.attrib
        and len(one) == len(other)
        and all(same(*pair) for pair in zip(one, other, strict=True))
    )


def read(body: bytes) -> Document | None:
    try:
        return parse(body)
    except Invalid as refused:
        str(refused).encode()
        return None


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A whole document in which one to three pieces were put or taken."""
    whole = WHOLE.encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(whole)))
        end = min(len(whole), start + draw(st.integers(0, 30)))
        piece = draw(
            st.one_of(
                st.binary(max_size=8),
                st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(str.encode),
                st.sampled_from([each.encode(errors="replace") for each in (*PIECES, *AWKWARD)]),
            )
        )
        whole = whole[:start] + piece + whole[end:]
    return whole


@effort(400)
@given(documents())
def test_what_is_read_is_what_another_parser_reads(body: bytes) -> None:
    found = read(body)
    if found is None:
        return
    assert same(found.root, ET.fromstring(body))
    # Each part by itself is the same again: parts are what answers are made of.
    for child in found.root:
        again = ET.fromstring(found.sources[child.tag])
        again.tail = child.tail
        assert same(child, again)


@effort(400)
@given(documents())
def test_what_is_kept_of_it_makes_a_whole_answer(body: bytes) -> None:
    found = read(body)
    if found is None:
        return
    try:
        asked = contract(found, "bucket-1250000000")
    except Invalid:
        return
    details = {"name": asked.name, "type": asked.type, "input": asked.input, "operation": asked.operation}
    answer = ET.fromstring(f"<Response>{detail(a_job(details=details))}</Response>")
    for name in ("Input", "Operation"):
        (shown,), kept = answer.findall(f"JobsDetail/{name}"), found.root.find(name)
        assert kept is not None
        assert same(shown, kept)


@effort(200)
@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES)).map("".join).map(str.encode)))
def test_anything_is_read_or_refused(body: bytes) -> None:
    read(body)
