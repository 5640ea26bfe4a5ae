"""The whole document: the template's routes, each with the operation that its dialect describes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from jobyard.authorizer.qsign import SKEW_SECONDS
from local.template import ROOT, load
from openapi import (
    alteryx,
    alteryx_collections,
    alteryx_people,
    alteryx_queues,
    alteryx_schedules,
    openreplay,
    tencent,
)
from openapi.parts import Spec

PLACE = ROOT / "docs" / "openapi.json"
PROMISED = ROOT / "docs" / "openapi.promised.json"
"""What clients were told last: the document is held to it, and has its version."""

_DIALECTS = (alteryx, alteryx_queues, alteryx_schedules, alteryx_people, alteryx_collections, openreplay, tencent)
_TAGS = [
    {"name": alteryx.TAG, "description": "Alteryx Server API V3, Jobs. Base URL https://host/webapi."},
    {"name": openreplay.TAG, "description": "OpenReplay public API v2, Jobs. Base URL https://host."},
    {"name": tencent.TAG, "description": "Tencent Cloud CI, inventory-trigger jobs. Base URL https://bucket.host."},
]
_DESCRIPTION = (
    "Submit, follow, list and cancel jobs, in the dialects of three existing APIs. Names of parameters' values are "
    "taken in any letter case, and an empty parameter is an absent one. Paths that are not here are answered by the "
    'gateway: 404 and {"message":"Not Found"}.'
)
_SECURITY_SCHEMES = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of /webapi/oauth2/token, or a JSON Web Token of the configured issuer.",
    },
    "client": {
        "type": "http",
        "scheme": "basic",
        "description": "The client's id and secret (RFC 6749, section 2.3.1).",
    },
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An organisation's API key."},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "q-sign (HMAC-SHA1): q-sign-algorithm=sha1&q-ak=<SecretId>&q-sign-time=<start>;<end>&"
        "q-key-time=<start>;<end>&q-header-list=…&q-url-param-list=…&q-signature=…. The same fields may be in the "
        f"query instead. It is taken from {SKEW_SECONDS // 60} minutes before its start to its end.",
    },
}


class Undescribed(Exception):
    """A route of the template has no operation, or an operation no route."""


def routes() -> dict[str, str]:
    """The key of each route of the template, ``GET /…``, and its path as OpenAPI writes it."""
    found: dict[str, str] = {}
    for resource in load()["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            asked = event.get("Properties", {})
            if event["Type"] == "HttpApi" and "Path" in asked:
                path = asked["Path"].replace("+}", "}")
                found[f"{asked['Method']} {path}"] = path
    return found


def document(version: str) -> Spec:
    """The document as JSON has it. Raises ``Undescribed``."""
    described = {
        key: each | {"tags": [dialect.TAG]} for dialect in _DIALECTS for key, each in dialect.OPERATIONS.items()
    }
    wanted = routes()
    if difference := sorted(set(wanted) ^ set(described)):
        raise Undescribed(f"routes without an operation, or operations without a route: {', '.join(difference)}")
    models: set[type[BaseModel]] = set()
    paths: Spec = {}
    for key, path in sorted(wanted.items(), key=lambda each: (each[1], each[0])):
        paths.setdefault(path, {})[key.partition(" ")[0].lower()] = _referring(described[key], models)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jobyard", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": "https://{host}", "variables": {"host": {"default": "jobyard.example.com"}}}],
        "tags": _TAGS,
        "paths": paths,
        "components": {"schemas": _schemas(models), "securitySchemes": _SECURITY_SCHEMES},
    }


def text(document: Spec) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read(place: Path = PLACE) -> Spec:
    found: Spec = json.loads(place.read_text())
    return found


def _referring(part: Any, models: set[type[BaseModel]]) -> Any:
    """``part`` with a reference for each model in it, which is added to ``models``."""
    if isinstance(part, type) and issubclass(part, BaseModel):
        models.add(part)
        return {"$ref": f"#/components/schemas/{part.__name__}"}
    if isinstance(part, dict):
        return {str(name): _referring(each, models) for name, each in part.items()}
    if isinstance(part, list | tuple):
        return [_referring(each, models) for each in part]
    return part


def _schemas(models: set[type[BaseModel]]) -> Spec:
    ordered = sorted(models, key=lambda model: model.__name__)
    _, made = models_json_schema(
        [(model, "validation") for model in ordered], ref_template="#/components/schemas/{model}"
    )
    return dict(sorted(_untitled(made["$defs"]).items()))


def _untitled(part: Any, *, inside: bool = False) -> Any:
    """Without the titles that repeat the names of members, and with the lines of docstrings joined."""
    if isinstance(part, dict):
        members = {name: _untitled(each, inside=name != "properties") for name, each in part.items()}
        if isinstance(members.get("description"), str):
            members["description"] = re.sub(r"\s+", " ", members["description"])
        return {
            name: each for name, each in members.items() if not (inside and name == "title" and isinstance(each, str))
        }
    return [_untitled(each, inside=True) for each in part] if isinstance(part, list) else part
