"""What keeps jobs and their executions together.

``drive`` starts and stops executions as the table changes, ``settle`` ends the job of an execution that ended by
itself, ``reconcile`` repairs what the two have missed. Each may be called with the same thing any number of times.
"""
