"""Charts of several series as SVG from the server, with the same numbers in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from billing.templatetags.ui_blocks import register

HEIGHT, TOP = 196, 24  # the room above is for the words of the chosen column
SHARE = 0.64  # of a column's width that its bars take


@register.inclusion_tag("components/columns_chart.html")
def columns_chart(
    items: Sequence[Mapping[str, Any]],
    series: Sequence[Mapping[str, Any]],
    title: str,
    label: str = "Month",
    stacked: bool = False,
    total_label: str = "",
) -> dict[str, Any]:
    """A column per item: its bars side by side, or stacked with `down` series below the baseline.

    items: {label, short, values [int], titles [text], total?}; series: {name, label, tone (1-4), down?}, in the order
    of the values. `total_label` heads a last column of the table. Sizes are SVG attributes, as no inline styles are
    allowed.
    """
    ups = [at for at, one in enumerate(series) if not one.get("down")]
    downs = [at for at, one in enumerate(series) if one.get("down")]
    heights = [
        (
            sum(item["values"][at] for at in ups) if stacked else max(max(item["values"]), 0),
            sum(item["values"][at] for at in downs) if stacked else 0,
        )
        for item in items
    ]
    top = max((up for up, _ in heights), default=0)
    bottom = max((down for _, down in heights), default=0)
    scale = (HEIGHT - TOP) / (top + bottom) if top + bottom else 0.0
    base = TOP + top * scale
    width = 100 / max(len(items), 1)
    columns = [
        column(item, series, at * width, width, base, scale, stacked) | {"first": at == 0}
        for at, item in enumerate(items)
    ]
    return {
        "columns": columns,
        "series": series,
        "title": title,
        "label": label,
        "total_label": total_label,
        "height": HEIGHT,
        "base": f"{base:.1f}",
    }


def column(
    item: Mapping[str, Any],
    series: Sequence[Mapping[str, Any]],
    x: float,
    width: float,
    base: float,
    scale: float,
    stacked: bool,
) -> dict[str, Any]:
    """The bars of one item, and the words that show when it is pointed at."""
    bars = []
    above, below = base, base
    slot = width * SHARE / (1 if stacked else len(series))
    for at, (one, value) in enumerate(zip(series, item["values"], strict=True)):
        high = max(abs(value) * scale, 2.0 if value else 0.0)
        if not high:
            continue
        left = x + width * (1 - SHARE) / 2 + (0 if stacked else at * slot)
        if one.get("down"):
            y, below = below, below + high
        else:
            y = (above if stacked else base) - high
            above = y if stacked else above
        bars.append(
            {
                "x": f"{left:.3f}%",
                "width": f"{slot:.3f}%",
                "y": f"{y:.1f}",
                "height": f"{high:.1f}",
                "tone": one["tone"],
            }
        )
    middle = x + width / 2
    edge = "start" if middle < 34 else "end" if middle > 66 else "middle"
    cells = [
        {"label": one["label"], "title": title, "tone": one["tone"]}
        for one, title in zip(series, item["titles"], strict=True)
    ]
    return {
        "x": f"{x:.3f}%",
        "width": f"{width:.3f}%",
        "text_x": "0%" if edge == "start" else "100%" if edge == "end" else "50%",
        "anchor": edge,
        "bars": bars,
        "label": item["label"],
        "short": item.get("short", item["label"]),
        "words": ", ".join(f"{cell['label']} {cell['title']}" for cell in cells),
        "cells": cells,
        "total": item.get("total", ""),
    }
