"""Who is calling, and over which bucket: a signed request, whose Host begins with the bucket."""

from __future__ import annotations

import re
from typing import NamedTuple

from jobyard.authorizer import Caller
from jobyard.authorizer.qsign import Sent
from jobyard.authorizer.signed import authenticate
from jobyard.dialects.tencent.errors import InvalidHost
from jobyard.http import Request

_ROOT = re.compile(r"/inventorytriggerjob(?=/|\Z)")

# <BucketName-APPID> before the rest of a host's name. Shorter numbers end the names of machines, too.
_BUCKET = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,49}[a-z0-9])?-[0-9]{6,20})\.[a-z0-9.-]+(?::[0-9]+)?\Z")


class Signer(NamedTuple):
    caller: Caller
    bucket: str

    @property
    def listed_in(self) -> str:
        """All jobs of a bucket are one list. Buckets of one name in two tenants are two."""
        return f"tencent#{self.caller.tenant}#{self.bucket}"


def signer(request: Request) -> Signer:
    """Raises what ``authenticate`` does, and ``InvalidHost``."""
    proven = authenticate(_sent(request))
    found = _BUCKET.match(request.headers.get("host", "").lower())
    bucket = found[1] if found else proven.bucket
    if not bucket:
        host = request.headers.get("host", "")
        raise InvalidHost(
            None,
            f"The host {host!r} does not begin with <BucketName-APPID>, and this SecretId has no bucket of its own.",
        )
    return Signer(proven.caller, bucket)


def _sent(request: Request) -> Sent:
    # The gateway leaves the escapes of percent signs, and only those.
    whole = request.path.replace("%25", "%")
    # What stands before the API's path (a stage, a base path) is not signed by clients that are given it in a domain.
    root = _ROOT.search(whole)
    own = whole[root.start() :] if root else whole
    paths = [request.path, whole, own]
    if request.method == "PUT" and any(name == "cancel" for name, _ in request.query):
        # Node clients that were given the documentation's `<id>?cancel` for a key sign it as if it were the path.
        paths = [f"{own}?cancel", *paths]
    return Sent(request.method, list(dict.fromkeys(paths)), request.raw_query, request.headers, request.body)
