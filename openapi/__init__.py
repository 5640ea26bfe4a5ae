"""The OpenAPI 3.1 document of every route, made from the code: ``python -m openapi`` writes ``docs/openapi.json``.

Nothing here is deployed. Handlers do not use it, so that it costs no cold start; tests hold the two together.

::

    command      what `python -m openapi` does
    document     the whole, from the template's routes and the dialects' operations
    alteryx      \\
    openreplay    > operations of a dialect, from the dialect's own tables, limits and errors
    tencent      /
    parts        what operations are made of
    compatible   whether every value of one schema is a value of another
    breaking     what a client of one document would miss in another
"""
