"""The `jobyard` command: clients and workflows, of the local run or of a deployed stack."""
