"""A record of what clients asked and were answered, and the check that all of it can be explained.

``calls`` is the record, ``checker`` the check (``life`` of each job's status, ``rules`` of all else); both are pure.
``recorder`` and ``dialects`` make a record over HTTP, ``load`` is what they do to a stack, ``world`` its tenant.
"""
