"""SECURITY.md names a test for what it says; each that it names is there, and each is named for something."""

from __future__ import annotations

import re

from local.template import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
BODY, TABLE = TEXT.split("## The tests")
ROWS = {row.split("|")[1].strip(): row for row in TABLE.splitlines() if row.startswith("| T")}


def test_each_statement_has_its_test_and_each_test_its_statement() -> None:
    cited = {each for group in re.findall(r"\((T\d+(?:, T\d+)*)\)", BODY) for each in group.split(", ")}
    assert cited == set(ROWS)


def test_each_test_that_is_named_is_in_a_file_that_is_named_with_it() -> None:
    for name, row in ROWS.items():
        files = [ROOT / path for path in re.findall(r"\]\((tests/[^)]+)\)", row)]
        assert files, name
        source = "\n".join(file.read_text(encoding="utf-8") for file in files)
        for test in re.findall(r"`(test_\w+)`", row):
            assert f"def {test}(" in source, test


def test_links_lead_somewhere() -> None:
    for path in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / path).exists(), path
