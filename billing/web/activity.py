"""The audit trail as sentences: what the Activity tabs, Home and the log show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html

from billing.models import AuditEntry
from billing.web.formats import day_text, moment_title, zone_of
from billing.web.trail_words import field_words, title, tone, value_text


def details(entry: AuditEntry) -> str:
    """The table of fields before and after; empty when nothing is to be shown."""
    if not entry.changes:
        return ""
    pair = entry.changes.get("currency")
    currency = str(pair[1] or pair[0]) if pair else ""
    rows = [
        {
            "field": field_words(name),
            "before": value_text(name, pair[0], currency),
            "after": value_text(name, pair[1], currency),
        }
        for name, pair in entry.changes.items()
    ]
    return render_to_string("billing/audit/changes.html", {"rows": rows})


def at_text(at: datetime, tz: str, brief_on: date | None) -> str:
    """Day and time; with `brief_on` the time of that day, the day of all others."""
    local = at.astimezone(zone_of(tz or None))
    shown: str = format_html("{}<br><small>{}</small>", day_text(local.date()), f"{local:%H:%M}")
    if brief_on:
        shown = f"{local:%H:%M}" if local.date() == brief_on else day_text(local.date())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), moment_title(at, tz or None), shown
    )


def timeline_items(
    entries: Iterable[AuditEntry], tz: str = "", *, brief_on: date | None = None
) -> list[dict[str, Any]]:
    """Items for `{% timeline %}`: moment, sentence, person, and the values before and after to unfold.

    With `brief_on` (today) the values are left out, and so is the date of what happened that day.
    """
    items = []
    for entry in entries:
        text = format_html('<span class="medium">{}</span> {}', title(entry.action), entry.subject_label)
        note = f"{entry.actor_label}. Reason: {entry.reason}" if entry.reason else entry.actor_label
        items.append(
            {
                "at": at_text(entry.at, tz, brief_on),
                "text": text,
                "note": note,
                "tone": tone(entry.action),
                "details": "" if brief_on else details(entry),
            }
        )
    return items
