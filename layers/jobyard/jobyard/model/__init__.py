"""What a job is, and how it may change. Pure: no AWS, no input or output."""

from jobyard.model.job import Facets, Job, Message, Output, Person, Priority, Question, Runner, Workflow
from jobyard.model.transitions import LIVE, TERMINAL, TRANSITIONS, Status, Transition

__all__ = [
    "LIVE",
    "TERMINAL",
    "TRANSITIONS",
    "Facets",
    "Job",
    "Message",
    "Output",
    "Person",
    "Priority",
    "Question",
    "Runner",
    "Status",
    "Transition",
    "Workflow",
]
