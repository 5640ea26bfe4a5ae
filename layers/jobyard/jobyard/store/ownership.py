"""What must be known of schedules here: whose they are."""

from __future__ import annotations

from jobyard.store.reading import everything


def schedules_of(tenant: str, user_id: str) -> list[str]:
    """The ids of the schedules that a user owns."""
    return [each["sk"]["S"] for each in everything(f"SCHEDULE#{tenant}") if each["ownerId"]["S"] == user_id]
