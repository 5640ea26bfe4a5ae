from collections import Counter
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from jobyard.aws import within
from jobyard.lifecycle.reconcile import reconcile
from jobyard.lifecycle.schedules import compare
from jobyard.model.ids import now_ms

RESERVE_SECONDS = 30
QUEUES_TOLD = 50
"""The fullest. Each is a metric of its own, which CloudWatch charges for."""

metrics = Metrics()


def _tell_waiting(waiting: Mapping[str, int]) -> None:
    for name, jobs in Counter(waiting).most_common(QUEUES_TOLD):
        service = {"service": str(metrics.service)}
        with single_metric("JobsWaiting", MetricUnit.Count, jobs, default_dimensions=service) as metric:
            metric.add_dimension("queue", name)


@metrics.log_metrics
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    repairs = reconcile(now_ms(), _left(context), _tell_waiting)
    with within(_left(context)):
        compared = compare(now_ms())
    repaired = sum(repairs) - repairs.errors - repairs.drift
    metrics.add_metric("Repaired", MetricUnit.Count, repaired)
    metrics.add_metric("CountDrift", MetricUnit.Count, repairs.drift)
    metrics.add_metric("SchedulesRepaired", MetricUnit.Count, compared.armed + compared.orphans)
    metrics.add_metric("RunsMissed", MetricUnit.Count, compared.missed)
    if repairs.errors or compared.errors:
        raise RuntimeError(f"{repairs.errors + compared.errors} repairs went wrong; the log has each")
    return repairs._asdict() | compared._asdict()


def _left(context: Any) -> float:
    return float(context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
