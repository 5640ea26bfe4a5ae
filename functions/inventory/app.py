"""The workflow function ``inventory``: of each object its size, type, hash and number of lines."""

import functools

from inventory.content import describe

from jobyard import runner

handler = functools.partial(runner.objects, threads=8)(describe)
