"""A secret, or the hash of one, is found by its hash or compared in a time that tells nothing; never by ``==``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from local.template import ROOT

PRODUCT = sorted(
    path for folder in ("layers/jobyard/jobyard", "functions", "cli") for path in (ROOT / folder).rglob("*.py")
)
_SOUNDS_SECRET = re.compile(
    r"secret|hash|digest|signature|token|password|hmac|sign(?!al|er)|api_?key|sealed", re.IGNORECASE
)
_COMPARING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)

NO_SECRETS = {
    "authorizer/bearer.py: token.count('.') == 2": "the form of what the caller sent",
    "authorizer/qsign.py: given['q-sign-algorithm'] != 'sha1'": "the name of the algorithm",
    "csvprofile/sketch.py: number not in self._hashes": "hashes of a column's cells, to count them",
    "store/secrets.py: name not in ('secretKey', 'tokenHash')": "names of attributes",
    "store/submissions.py: found['request']['S'] != once.request_hash": "over a request that its own caller made",
    "tencent/submit.py: given != base64.b64encode(md5(request.body, usedforsecurity=False).digest()).decode()": (
        "a checksum of the body, by which its sender asks whether it arrived whole"
    ),
    "tencent/times.py: sign == '-'": "of a time zone",
}
"""Comparisons that only sound like it, each with its reason."""


class Comparison(NamedTuple):
    place: str
    line: int


def comparisons(tree: ast.AST) -> Iterator[ast.Compare]:
    """Those by ``==``, ``!=`` or ``in`` of which a side has such a name. Comparing with nothing tells nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(each, _COMPARING) for each in node.ops):
            sides = [side for side in (node.left, *node.comparators) if not isinstance(side, ast.Constant)]
            if any(_SOUNDS_SECRET.search(name) for side in sides for name in _names(side)):
                yield node


def _names(side: ast.expr) -> Iterator[str]:
    """Names, attributes, and keys that are looked up, within a side."""
    for node in ast.walk(side):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_secrets_and_hashes_are_never_compared_letter_by_letter() -> None:
    found = {
        f"{'/'.join(path.parts[-2:])}: {ast.unparse(node)}"
        for path in PRODUCT
        for node in comparisons(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(NO_SECRETS)


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("hash_of(given) == found.secret_hash", True),
        ("signature != ours", True),
        ("given in tokens", True),
        ("record['tokenHash'] == x", True),
        ("hmac.new(a, b).hexdigest() == c", True),
        ("compare_digest(hash_of(given), found.secret_hash)", False),
        ("status == 'queued'", False),
        ("secret_hash is None", False),
    ],
)
def test_the_rule_tells_them_apart(code: str, is_found: bool) -> None:
    assert bool(list(comparisons(ast.parse(code)))) is is_found
