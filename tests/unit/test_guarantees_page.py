"""docs/guarantees.md names, for each promise, all the files that try it."""

from __future__ import annotations

from local.template import ROOT

PAGE = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
FILES = sorted(path.name for path in ROOT.glob("tests/promises/test_[0-9]*.py"))


def test_each_file_of_a_promise_is_linked() -> None:
    assert [name for name in FILES if f"](../tests/promises/{name})" not in PAGE] == []
