"""The parts of the workflow function inventory."""
