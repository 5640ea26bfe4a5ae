"""Jobyard: submit, schedule, list, follow and cancel jobs.

Dependencies point one way, from the outside in::

    handlers -> dialects -> service -> (store, authorizer) -> model
"""

from contextlib import suppress
from importlib import import_module

# The patterns of all that is imported, as the interpreter runs them: made by the layer's build, and nowhere else.
with suppress(ImportError):
    import_module("jobyard._patterns")
