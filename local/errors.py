"""What stops the local runner, as a sentence that the user can act on."""


class LocalError(Exception):
    """Something on this machine prevents the start; the message says what, and what to do."""
