"""The existing APIs that are spoken here, one package each: request to service call to response."""
