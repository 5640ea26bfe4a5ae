"""What a job is, and how it may change. Pure: no AWS, no input or output."""

from jobyard.model.job import (
    Facets,
    Job,
    Message,
    Move,
    Output,
    Person,
    Priority,
    Question,
    Retries,
    Runner,
    Stand,
    Workflow,
)
from jobyard.model.transitions import LIVE, TERMINAL, TRANSITIONS, Status, Transition

__all__ = [
    "LIVE",
    "TERMINAL",
    "TRANSITIONS",
    "Facets",
    "Job",
    "Message",
    "Move",
    "Output",
    "Person",
    "Priority",
    "Question",
    "Retries",
    "Runner",
    "Stand",
    "Status",
    "Transition",
    "Workflow",
]
