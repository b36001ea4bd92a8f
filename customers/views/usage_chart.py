"""The charts of the Usage tab: events by day, stacked by charge, or the units of one charge."""

from __future__ import annotations

from typing import Any

from billing.queries.usage import UsageReport
from billing.queries.usage_pricing import ChargeUsage
from billing.queries.usage_totals import Day
from billing.web.formats import day_text, units_text

TONES = 4


def counted(value: Any, word: str) -> str:
    """ "1 event", "1,200 events"."""
    return f"{units_text(value)} {word}" + ("" if value == 1 else "s")


def series_tabs(report: UsageReport, item: ChargeUsage | None, here: str) -> list[dict[str, Any]]:
    """The switch of the chart: the events of all charges, or the units of one."""
    tabs = [{"label": "All charges", "url": here, "active": item is None}]
    for one in report.charges:
        url = f"{here}&charge={one.charge.public_id}"
        tabs.append({"label": one.charge.invoice_name, "url": url, "active": one is item})
    return tabs


def bars(report: UsageReport, item: ChargeUsage) -> list[dict[str, Any]]:
    """The units of a charge by day, as `bar_chart` takes them."""
    return [
        {"label": day_text(day.on), "value": day.units, "title": counted(day.units, "unit")}
        for day in report.days_by_charge.get(item.charge.pk, [])
    ]


def stack(report: UsageReport) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The events by day as `columns_chart` takes them: (columns, series). The busiest charges have a colour of their
    own, the rest share the last one. Events that several charges price are shown once.
    """
    charges = sorted(
        {one.metric.pk: one for one in reversed(report.charges)}.values(), key=lambda one: -one.received
    )
    groups = [[one] for one in charges]
    if len(groups) > TONES:
        groups = [*groups[: TONES - 1], charges[TONES - 1 :]]
    series = [
        {
            "name": f"s{at}",
            "label": group[0].charge.invoice_name if len(group) == 1 else "Others",
            "tone": at + 1,
        }
        for at, group in enumerate(groups)
    ]
    columns = []
    for at, day in enumerate(report.days):
        values = [
            sum(
                day_of(report, one, at).events_count
                for one in group
                if one.charge.pk in report.days_by_charge
            )
            for group in groups
        ]
        columns.append(
            {
                "label": day_text(day.on),
                "short": short(at, day, len(report.days)),
                "values": values,
                "titles": [units_text(value) for value in values],
                "total": units_text(sum(values)),
            }
        )
    return columns, series


def day_of(report: UsageReport, item: ChargeUsage, at: int) -> Day:
    """A charge's day at a place of the report's days: both lists have the same days."""
    return report.days_by_charge[item.charge.pk][at]


def short(at: int, day: Day, length: int) -> str:
    """The text below a column: the first day, and then about every eighth part."""
    step = max(1, -(-length // 8))
    return f"{day.on.day} {day.on:%b}" if at % step == 0 else ""
