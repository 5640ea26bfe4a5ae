"""The body of a create: XML without a document type, so that there are no entities to expand or to fetch."""

from __future__ import annotations

from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from jobyard.dialects.tencent.errors import InvalidContent, MissingContent
from jobyard.http import BODY_MOST

DEEPEST = 32
ELEMENTS_MOST = 10_000
ROOT = "Request"


class Document(NamedTuple):
    """``root`` without namespaces; ``sources`` are the root's children by name, as they were written."""

    root: Element
    sources: dict[str, str]


def parse(body: bytes) -> Document:
    """Raises ``MissingContent``, ``InvalidContent``."""
    if not body.strip():
        raise MissingContent(None, f"The request has no body; it must be a <{ROOT}> in XML.")
    if len(body) > BODY_MOST:
        raise InvalidContent(None, f"The body has {len(body)} bytes; at most {BODY_MOST} are allowed.")
    source = _text(body).encode()
    target = _Target(source)
    parser: Any = DefusedXMLParser(target=target, encoding="utf-8", forbid_dtd=True)
    target.expat = parser.parser
    try:
        parser.feed(source)
        root = parser.close()
    except DefusedXmlException as error:
        raise InvalidContent(None, "The body has a document type; none is allowed.") from error
    except ParseError as error:
        raise InvalidContent(None, f"The body is not well-formed XML: {error}.") from error
    if root.tag != ROOT:
        raise InvalidContent(None, f"The body's root must be <{ROOT}>, not <{root.tag[:64]}>.")
    return Document(root, target.sources)


def _text(body: bytes) -> str:
    try:
        if body.startswith((b"\xff\xfe", b"\xfe\xff")):
            return body.decode("utf-16")
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidContent(None, "The body is not text in UTF-8.") from error


class _Target:
    """Builds the tree, and notes where in ``source`` each child of the root begins and ends."""

    def __init__(self, source: bytes) -> None:
        self.expat: Any = None
        self.sources: dict[str, str] = {}
        self._source = source
        self._builder = TreeBuilder()
        self._depth = self._elements = self._began = 0
        self._empty = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEEPEST or self._elements > ELEMENTS_MOST:
            raise InvalidContent(None, f"At most {ELEMENTS_MOST} elements, {DEEPEST} deep, are allowed.")
        if self._depth == 2:
            self._began = self.expat.CurrentByteIndex
        self._empty = True
        self._builder.start(_local(tag), attributes)

    def end(self, tag: str) -> None:
        if self._depth == 2:
            name = _local(tag)
            if name in self.sources:
                raise InvalidContent(None, f"<{name[:64]}> is given twice.")
            self.sources[name] = self._source[self._began : self._end()].decode()
        self._empty = False
        self._depth -= 1
        self._builder.end(_local(tag))

    def data(self, text: str) -> None:
        self._empty = False
        self._builder.data(text)

    def start_ns(self, prefix: str, _uri: str) -> None:
        # A part of the document that uses it means nothing by itself, and parts are what is answered.
        if prefix:
            raise InvalidContent(None, f"Prefixes of namespaces are not allowed: {prefix[:64]!r}.")

    def close(self) -> Any:
        return self._builder.close()

    def _end(self) -> int:
        """Behind the tag that ends the element; for an empty-element tag the parser stands there already."""
        here = int(self.expat.CurrentByteIndex)
        if self._empty and self._source[here - 2 : here] == b"/>":
            return here
        return self._source.index(b">", here) + 1


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
