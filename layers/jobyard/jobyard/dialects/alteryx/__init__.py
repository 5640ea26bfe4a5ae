"""Alteryx Server API V3, Jobs. Base URL ``https://host/webapi``; JSON in camel case; OAuth2 bearer tokens."""
