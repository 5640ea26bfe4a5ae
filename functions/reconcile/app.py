from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from jobyard.lifecycle.reconcile import reconcile
from jobyard.model.ids import now_ms

RESERVE_SECONDS = 30

metrics = Metrics()


@metrics.log_metrics
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    repairs = reconcile(now_ms(), context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    repaired = repairs.started + repairs.failed + repairs.stopped + repairs.recounted
    metrics.add_metric("Repaired", MetricUnit.Count, repaired)
    metrics.add_metric("CountDrift", MetricUnit.Count, repairs.drift)
    if repairs.errors:
        raise RuntimeError(f"{repairs.errors} repairs went wrong; the log has each")
    return repairs._asdict()
