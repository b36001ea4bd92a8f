"""By which properties the roll-ups of a metric must be divided."""

from __future__ import annotations

from billing.models import Charge, Metric


def needed_dimensions(metric: Metric) -> set[str]:
    """The keys of the metric's filters, and the group keys of the charges that price it."""
    rows = Charge.objects.kept().filter(metric=metric, plan__deleted_at=None)
    groups = rows.exclude(group_keys=[]).values_list("group_keys", flat=True)
    return {row["key"] for row in metric.filters} | {key for keys in groups for key in keys}
