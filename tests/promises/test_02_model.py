"""Promises 2, 3 and 5 to 7 in long random lives: whatever is asked of Jobyard, and whatever happens to it, it answers
as a few dictionaries would.

Clients of two tenants and three dialects submit, repeat, cancel, look and list, while executions go on, fail, are
stopped by hand, their writes land late, functions speak after their end, the stream is delivered in part and twice,
ends are told late, twice or never, reconcile comes at any time, and jobs expire (``harness/random_life.py``). Each
answer is compared with ``harness/reference.py``; after each step the table is: every status, and every job that is
live in the index of those. In the end everything that is still to come, comes, and every job has ended.

One thing happens at a time here: what happens at once is tried in ``test_02_interleavings.py``, crashes in
``test_04_…``. Known limits: the machine is the harness's own (``harness/machine.py``), which carries out the deployed
definition; the indexes of DynamoDB Local are never behind.
"""

from __future__ import annotations

import logging
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

from jobyard.runner import _job
from jobyard.runner._messages import Clock as MessageClock
from tests.promises.effort import LONG, Sample, effort, sampled
from tests.promises.harness.random_life import Life, Stand
from tests.promises.harness.world import World


@sampled
@pytest.mark.timeout(0 if LONG else 300)
def test_it_answers_as_a_few_dictionaries_would(world: World, monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    # What a failing life prints is its steps.
    monkeypatch.setattr(_job, "_clock", MessageClock())
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(StringIO()):
            stand = Stand(world)
            life: Any = lambda: Life(stand)  # noqa: E731
            run_state_machine_as_test(life, settings=effort(max(1, 5 // sample.every), 45))
    finally:
        logging.disable(logging.NOTSET)
