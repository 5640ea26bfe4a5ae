"""One client for each AWS service and process, made by botocore alone.

boto3 would add 56 million instructions to each cold start and nothing that is used here.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any, cast

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session, get_session

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=8,
    tcp_keepalive=True,
    # Without it botocore composes a description of the whole system for each call: a tenth of a GetItem.
    user_agent="jobyard",
    # Whatever host the endpoint has, its subdomains need not resolve.
    s3={"addressing_style": "path"},
)
# In some regions botocore still signs links in the way that S3 takes for buckets from before 2020 only.
_CONFIG_OF = {
    "s3": _CONFIG.merge(Config(signature_version="s3v4")),
    # An invocation that takes long is waited for, and never made twice.
    "lambda": _CONFIG.merge(Config(read_timeout=28, retries={"total_max_attempts": 1})),
}


# One line of each cold start's log, which tells that Lambda's credentials are where they always are.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)


@cache
def _session() -> Session:
    return get_session()


@cache
def client(service: str) -> Any:
    """The process's client of ``service`` (``dynamodb``, ``s3``, ``stepfunctions``, …)."""
    made: Any = _session().create_client(service, config=_CONFIG_OF.get(service, _CONFIG))
    if service == "dynamodb":
        made.meta.events.register("before-parse.dynamodb", _parse_plainly)
    return made


def _parse_plainly(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take DynamoDB's answer as the JSON that it is.

    botocore rebuilds it shape by shape, to the same result but for binary attributes, of which the table has none:
    60 % of what listing 50 jobs costs. Errors are left to it.
    """
    if response_dict["status_code"] < 300:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def found_instead(error: ClientError) -> Any:
    """The item that a write's condition was compared with; None if there was none, or the error is another."""
    return cast("dict[str, Any]", error.response).get("Item")


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Why a transaction was cancelled, one reason for each of its writes: ``Code``, and ``Item`` where asked for."""
    return cast("list[dict[str, Any]]", error.response["CancellationReasons"])


__all__ = ["ClientError", "cancellation_reasons", "client", "error_code", "found_instead"]
