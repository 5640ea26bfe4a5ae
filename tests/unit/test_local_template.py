"""Reading template.yaml without AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.template import load, resolve, table_definition, time_to_live

SAMPLE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Days: {Type: Number, Default: 90}
  Name: {Type: String}
Resources:
  Thing:
    Properties:
      Arn: !GetAtt Other.Nested.Arn
      Text: !Sub "${Name}-x"
      Either: !If [Many, !Ref Days, !Ref AWS::NoValue]
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(SAMPLE, encoding="utf-8")
    return path


def test_short_intrinsics_are_read_in_their_long_form(sample: Path) -> None:
    template = load(sample)
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"
    assert template["Resources"]["Thing"]["Properties"] == {
        "Arn": {"Fn::GetAtt": ["Other", "Nested.Arn"]},
        "Text": {"Fn::Sub": "${Name}-x"},
        "Either": {"Fn::If": ["Many", {"Ref": "Days"}, {"Ref": "AWS::NoValue"}]},
    }


def test_parameters_have_their_defaults_unless_given(sample: Path) -> None:
    template = load(sample)
    assert resolve(template, [{"Ref": "Days"}]) == [90]
    assert resolve(template, {"a": {"Ref": "Days"}}, {"Days": "7"}) == {"a": "7"}


def test_what_only_a_deployment_knows_is_refused(sample: Path) -> None:
    with pytest.raises(KeyError, match="Fn::GetAtt"):
        resolve(load(sample), {"Fn::GetAtt": ["Thing", "Arn"]})


def test_the_table_of_tests_is_the_deployed_one() -> None:
    template = load()
    definition = table_definition(template)
    indexes = template["Resources"]["JobsTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert definition["GlobalSecondaryIndexes"] == indexes
    assert definition["StreamSpecification"]["StreamEnabled"] is True
    assert time_to_live(template) == {"AttributeName": "expiresAt", "Enabled": True}
