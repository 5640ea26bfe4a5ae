"""GET /v1/jobs/{jobId}/output/{outputId}, and the same under /v3: a redirection to a signed link."""

from __future__ import annotations

import os
from urllib.parse import quote

from jobyard.aws import client
from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.parameters import identifier, one_of
from jobyard.dialects.alteryx.views import available_formats
from jobyard.http import Request, Response
from jobyard.service import jobs

LINK_SECONDS = 300


def answer(request: Request) -> Response:
    who = caller(request)
    id = identifier(request, "jobId", "Job")
    output = jobs.output(who, listed_in(who), id, request.path_parameters.get("outputId", ""))
    wanted = request.value("format")
    if wanted is not None:
        one_of("format", wanted, {name: name for name in available_formats(output)})
    link = client("s3").generate_presigned_url(
        "get_object",
        Params={
            "Bucket": os.environ["BUCKET_NAME"],
            "Key": output.key,
            "ResponseContentDisposition": _disposition(output.file_name),
        },
        ExpiresIn=LINK_SECONDS,
    )
    return Response(302, "", {"Location": link, "Cache-Control": "no-store"})


def _disposition(file_name: str) -> str:
    """RFC 6266: the name for clients that know only ASCII, then the name. S3 refuses a header of other letters."""
    plain = file_name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
