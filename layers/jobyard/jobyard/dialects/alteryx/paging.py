"""The way to the next page, of either list."""

from __future__ import annotations

from jobyard.http import Request, link_to_following
from jobyard.service.lists import Page


def following_page(request: Request, page: Page) -> dict[str, str]:
    """A ``Link`` where there is one. It leads by a cursor, which passes no job over while others come and go."""
    cursor = page.following
    return link_to_following(request, {"offset"}, cursor=cursor) if cursor else {}
