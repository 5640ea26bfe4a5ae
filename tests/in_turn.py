"""Rows of one test that ask after one another, each as a subtest, of what was made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import Any


def in_turn(names: str | Sequence[str], rows: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As ``pytest.mark.parametrize``, for a test that changes nothing: to make what stands before it takes many times
    as long as to look at it.
    """
    given = [(names,) if isinstance(names, str) else tuple(names)]
    tried = [(row,) if isinstance(names, str) else tuple(row) for row in rows]
    assert tried

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        known = signature(test).parameters
        wanted = {name: each for name, each in known.items() if name not in given[0]}
        asks = "subtests" in wanted

        @wraps(test)
        def run(**fixtures: Any) -> None:
            subtests = fixtures["subtests"] if asks else fixtures.pop("subtests")
            for row in tried:
                values = dict(zip(given[0], row, strict=True))
                with subtests.test(", ".join(f"{name}={ascii(value)[:60]}" for name, value in values.items())):
                    test(**fixtures, **values)

        if not asks:
            wanted["subtests"] = Parameter("subtests", Parameter.KEYWORD_ONLY)
        run.__signature__ = signature(test).replace(parameters=list(wanted.values()))  # type: ignore[attr-defined]
        return run

    return decorate
