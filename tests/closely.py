"""Lists of few jobs, read as those of many are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from jobyard.service import plan


@contextmanager
def looked_at_closely() -> Iterator[None]:
    """With the slots of their day, and rare ones by cells."""
    with patch.object(plan, "CROWDED", -1), patch.object(plan, "_LEAST_UNITS", 0):
        yield
