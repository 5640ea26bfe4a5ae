"""Jobyard: submit, schedule, list, follow and cancel jobs.

Dependencies point one way, from the outside in::

    handlers -> dialects -> service -> (store, authorizer) -> model
"""
