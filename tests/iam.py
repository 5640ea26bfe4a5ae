"""What the template's roles allow, as IAM decides it: an action, on the ARN of a resource, under conditions.

Only what this template uses: allowing statements, the two conditions below, ``*`` in ARNs and values. Whatever else a
statement has is refused, so that a new form cannot pass unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tests.transformed import Statement, every_statement, listed, of_type, target

ACCOUNT, REGION = "000000000000", "us-east-1"
LEADING_KEYS, PREFIX, CONTEXT_KEYS = "dynamodb:LeadingKeys", "s3:prefix", "kms:EncryptionContextKeys"
PASSED_TO = "iam:PassedToService"
_CONDITIONS = {
    "ForAllValues:StringLike": {LEADING_KEYS},
    "StringLike": {PREFIX},
    "ForAllValues:StringEquals": {CONTEXT_KEYS},
    "Null": {CONTEXT_KEYS},
    "StringEquals": {PASSED_TO},
}


class Asked(NamedTuple):
    """One action on one resource; ``key`` is the partition key, the prefix that is listed, or the service to which a
    role is passed, where there is one.
    """

    action: str
    arn: str
    key: str = ""


class Grant(NamedTuple):
    """One action on one resource, for one pattern of keys: the least that can be taken away from a role.

    ``owner`` is the logical id of the role or of its managed policy.
    """

    owner: str
    sid: str
    action: str
    arn: str
    key: str = "*"

    def covers(self, asked: Asked) -> bool:
        return (
            self.action == asked.action
            and fnmatchcase(asked.arn, _literal(self.arn))
            and fnmatchcase(asked.key, _literal(self.key))
        )


class Names(Mapping[str, str]):
    """What references come to in a deployment: ``Ref`` by logical id, ``GetAtt`` and ``Sub`` as ``id.attribute``."""

    def __init__(self, **known: str) -> None:
        self._known = {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::URLSuffix": "amazonaws.com",
            **{name.replace("__", "."): value for name, value in known.items()},
        }

    def __getitem__(self, name: str) -> str:
        # What nobody named is named by itself: a log group, a queue.
        return self._known.get(name, f"arn:aws:of:{REGION}:{ACCOUNT}:{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def resolve(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        ((function, given),) = value.items()
        if function == "Ref":
            return self[given]
        if function == "Fn::GetAtt":
            return self[".".join(given)]
        assert function == "Fn::Sub", function
        return re.sub(r"\$\{([^}]+)\}", lambda found: self[found[1]], given)


def grants(role: str, names: Names) -> list[Grant]:
    """All that a role has, one by one, with its managed policies; optional statements as if they applied."""
    managed = {target(each) for each in of_type("AWS::IAM::Role")[role]["ManagedPolicyArns"]}
    return [
        Grant(owner, statement["Sid"], action, names.resolve(resource), key)
        for owner, statement in every_statement()
        if owner == role or owner in managed
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        for key in _keys(statement)
    ]


def _keys(statement: Statement) -> list[str]:
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
    assert statement["Effect"] == "Allow"
    found = ["*"]
    for operator, conditions in statement.get("Condition", {}).items():
        assert set(conditions) <= _CONDITIONS[operator], statement
        for name, values in conditions.items():
            if name != CONTEXT_KEYS:
                found = listed(values)
    return found


def _literal(pattern: str) -> str:
    """IAM knows ``*`` and ``?`` only, fnmatch also brackets."""
    return pattern.replace("[", "[[]")
