from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from jobyard.aws import client
from jobyard.lifecycle.count import count

client("dynamodb")
metrics = Metrics()


def handler(event: dict[str, Any], _context: object) -> None:
    # What this raises has Lambda count an error and deliver the batch again, in halves. To name the first record as
    # failed would do the same without the error, and its alarm. What was counted already is not counted twice.
    counted = count(event["Records"])
    metrics.add_metric("Counted", MetricUnit.Count, counted.jobs)
    metrics.add_metric("Uncountable", MetricUnit.Count, counted.unreadable)
    metrics.flush_metrics()
