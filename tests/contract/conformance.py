"""Holds real answers to docs/openapi.json: status, headers, type of content and body, strictly.

``api.call`` asks here after each call, so that every contract test of every dialect is a test of the document.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs

from openapi.document import document
from openapi.parts import Spec

# The gateway's and the wire's; they say nothing that a client of the document needs to be told.
_UNTOLD = {"content-type", "content-length"}


class Undocumented(AssertionError):
    """An answer that the document does not have."""


@cache
def the_document() -> Spec:
    return document("0.0.0")


def conforms(method: str, route: str, status: int, headers: dict[str, str], text: str) -> None:
    """``route`` as the template has it. Raises ``Undocumented``."""
    key = f"{method} {route.replace('+}', '}')}"
    response = operation(key)["responses"].get(str(status))
    if response is None:
        raise Undocumented(f"{key} answered {status}, which is not documented: {text[:300]}")
    _check_headers(f"{key}, {status}", response.get("headers", {}), headers)
    content = response.get("content", {})
    media = _media_type(headers)
    if not content:
        if text or media:
            raise Undocumented(f"{key}, {status}: no body is documented, and there is {media} {text[:300]!r}")
    elif media not in content:
        raise Undocumented(f"{key}, {status}: {media or 'no type of content'} is not one of {', '.join(content)}")
    else:
        _check_body(key, str(status), media, text)


def operation(key: str) -> Spec:
    method, _, path = key.partition(" ")
    found: Spec = the_document()["paths"][path][method.lower()]
    return found


def parsed(media: str, text: str, schema: Any) -> Any:
    """A body as JSON Schema takes it; XML as ``schema`` says which elements are lists and which have members."""
    if media == "application/json":
        return json.loads(text)
    return _of_xml(ET.fromstring(text), resolved(schema)) if media == "application/xml" else text


def resolved(schema: Any) -> Spec:
    while "$ref" in schema:
        schema = the_document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found: Spec = schema
    return found


def _media_type(headers: dict[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "content-type"), "").partition(";")[0]


def _check_headers(where: str, documented: Spec, sent: dict[str, str]) -> None:
    told = {name.lower(): each for name, each in documented.items()}
    if more := {name.lower() for name in sent} - set(told) - _UNTOLD:
        raise Undocumented(f"{where}: headers that are not documented: {', '.join(sorted(more))}")
    values = {name.lower(): value for name, value in sent.items()}
    for name, each in told.items():
        if name not in values:
            if each.get("required"):
                raise Undocumented(f"{where}: the header {name} is missing")
        elif not jsonschema_rs.is_valid(each["schema"], values[name]):
            raise Undocumented(f"{where}: the header {name} is {values[name]!r}")


def _check_body(key: str, status: str, media: str, text: str) -> None:
    schema = operation(key)["responses"][status]["content"][media]["schema"]
    try:
        body = parsed(media, text, schema)
    except (ValueError, ET.ParseError) as error:
        raise Undocumented(f"{key}, {status}: the body is no {media}: {text[:300]}") from error
    try:
        _validator(key, status, media).validate(body)
    except jsonschema_rs.ValidationError as error:
        at = "/".join(map(str, error.instance_path))
        raise Undocumented(f"{key}, {status}: {error.message} at /{at} of {text[:1000]}") from error


@cache
def _validator(key: str, status: str, media: str) -> jsonschema_rs.Validator:
    schema = operation(key)["responses"][status]["content"][media]["schema"]
    whole = {"components": the_document()["components"], **schema}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _of_xml(element: ET.Element, schema: Spec) -> Any:
    if schema.get("type") != "object":
        return {each.tag: each.text or "" for each in element} if len(element) else element.text or ""
    if (root := schema.get("xml", {}).get("name")) not in (None, element.tag):
        raise ValueError(f"the root is {element.tag}, and not {root}")
    made: dict[str, Any] = {}
    for each in element:
        inner = resolved(schema.get("properties", {}).get(each.tag, {}))
        if inner.get("type") == "array":
            made.setdefault(each.tag, []).append(_of_xml(each, resolved(inner["items"])))
        elif each.tag in made and schema.get("additionalProperties") is False:
            raise ValueError(f"{each.tag} is there twice")
        else:
            made[each.tag] = _of_xml(each, inner)
    return made
