"""OpenReplay public API v2, Jobs. Base URL ``https://host``; JSON as Go writes it; organisation API keys."""
