"""The parts of the workflow erase."""
