"""The `jobyard` command: what `manage` does, of the local run or of a deployed stack."""
