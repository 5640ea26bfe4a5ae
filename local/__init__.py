"""Jobyard on one machine: the real template in a local AWS, for `make run` and for the tests. Never deployed."""
