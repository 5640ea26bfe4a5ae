"""What `make run` tells of schedules: lines to paste that run a workflow each minute."""

from __future__ import annotations

from typing import Any


def shown(alteryx: dict[str, Any]) -> str:
    """``alteryx`` is what the demonstration has made in that dialect."""
    return f"""\
Run it each minute from now on, look at what came of it after a while, and end it:

  SCHEDULE=$(curl -s $BASE/v3/schedules -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"workflowId": "{alteryx["workflow_id"]}", "name": "Each minute",
         "iteration": {{"iterationType": "Cron", "startTime": "'$(date -u +%Y-%m-%dT%H:%M:00)'",
                       "cronContract": {{"cronExpression": "* * * * *"}}}},
         "questions": [{{"name": "input", "value": "{alteryx["input_uri"]}"}}]}}' | tr -d '"'); echo $SCHEDULE
  curl -s $BASE/v3/schedules/$SCHEDULE -H "Authorization: Bearer $TOKEN"
  curl -s -X DELETE $BASE/v3/schedules/$SCHEDULE -H "Authorization: Bearer $TOKEN"
"""
