"""Block tags (with content between start and end) and data displays: drawer, dialog, menu, card, chart …

Part of the `ui` library; `ui.py` adds the rest to the same `register`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.web.formats import UNKNOWN

register = template.Library()


def _overlay(context: template.Context, name: str, content: str, values: Mapping[str, Any]) -> SafeString:
    """Both overlays are one form in a frame: head, body, foot."""
    form = values.get("form")
    multipart = bool(form is not None and hasattr(form, "is_multipart") and form.is_multipart())
    data = {
        **values,
        "content": content,
        "heading": "h2" if context.get("partial") else "h1",
        "csrf_token": context.get("csrf_token"),
        "multipart": multipart,
    }
    return render_to_string(f"components/{name}.html", data)


@register.simple_block_tag(takes_context=True)
def drawer(
    context: template.Context,
    content: str,
    title: str,
    action: str = "",
    submit: str = "Save",
    busy: str = "Saving…",
    cancel: str = "",
    subtitle: str = "",
    form: Any = None,
    kind: str = "primary",
    act: str = "",
    second: str = "",
    second_act: str = "",
    wide: bool = False,
) -> SafeString:
    """`{% drawer title="Add a customer" action=url submit="Create customer" form=form %}…{% enddrawer %}`.

    With `action` it is a form posted by htmx into `#drawer`; without, a panel to read. `form` shows its
    general errors on top. `cancel`: where Cancel leads when there is no JavaScript. `act`: what the button sends
    under this name; `second` and `second_act` the same of a quieter button beside it. `wide`: for rows of fields.
    """
    values = {key: value for key, value in locals().items() if key not in ("context", "content")}
    return _overlay(context, "drawer", content, values)


@register.simple_block_tag(takes_context=True)
def dialog(
    context: template.Context,
    content: str,
    title: str,
    action: str = "",
    submit: str = "Confirm",
    busy: str = "Working…",
    cancel: str = "",
    form: Any = None,
    kind: str = "primary",
    cancel_label: str = "Cancel",
) -> SafeString:
    """A confirmation, posted by htmx into `#dialog`. `kind="danger"` for what cannot be taken back."""
    values = {key: value for key, value in locals().items() if key not in ("context", "content")}
    return _overlay(context, "dialog", content, values)


@register.simple_block_tag
def menu(content: str, label: str, kind: str = "secondary", icon: str = "", align: str = "end") -> SafeString:
    """`{% menu "Actions" %}{% menu_item … %}{% endmenu %}`; `kind="dots"` is the "⋯" of a table row."""
    return render_to_string(
        "components/menu.html",
        {"content": content, "label": label, "kind": kind, "icon": icon, "align": align},
    )


@register.simple_block_tag
def card(content: str, title: str = "", note: str = "", pad: bool = True) -> SafeString:
    """A surface with an optional heading. `pad=False` when it holds a table."""
    return render_to_string(
        "components/card.html", {"content": content, "title": title, "note": note, "pad": pad}
    )


@register.simple_block_tag
def alert(content: str, tone: str = "info", title: str = "") -> SafeString:
    """A message in the page: info, success, warning, danger, neutral."""
    return render_to_string("components/alert.html", {"content": content, "tone": tone, "title": title})


@register.simple_block_tag
def facts(content: str, wide: bool = False) -> SafeString:
    """A list of facts around `{% fact "Currency" %}EUR{% endfact %}`; `wide` sets them in columns."""
    if wide:
        return format_html('<dl class="facts" data-wide>{}</dl>', content)
    return format_html('<dl class="facts">{}</dl>', content)


@register.simple_block_tag
def fact(content: str, label: str) -> SafeString:
    """One fact; an empty one shows a dash."""
    body = content if content.strip() else format_html('<span class="muted">{}</span>', UNKNOWN)
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, body)


@register.simple_block_tag
def fold(content: str, title: str, note: str = "", open: bool = False) -> SafeString:
    """A section of a long form that opens and closes ("Billing address")."""
    return render_to_string(
        "components/fold.html", {"content": content, "title": title, "note": note, "open": open}
    )


@register.simple_block_tag
def figure(content: str, label: str, note: str = "", url: str = "") -> SafeString:
    """One figure of a strip: `<div class="figures">{% figure "Overdue" %}€12.00{% endfigure %}</div>`."""
    return render_to_string(
        "components/figure.html", {"content": content, "label": label, "note": note, "url": url}
    )


@register.inclusion_tag("components/steps.html")
def progress_steps(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A job's steps: {label, state: waiting|running|done|failed, note?, end?}."""
    return {"steps": steps}


@register.inclusion_tag("components/timeline.html")
def timeline(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What happened and what is coming: {at (text or time tag), text, note?, tone?, future?, details?}."""
    return {"items": items}


@register.inclusion_tag("components/explain.html")
def explain(
    amount: Any, formula: str = "", columns: Sequence[str] = (), rows: Sequence[Any] = (), note: str = ""
) -> dict[str, Any]:
    """Why an amount is what it is: the amount, the formula in words, one row per step.

    `amount` and cells are text or safe HTML; the first cell is the step, the others are right-aligned.
    `rows`: sequences of cells as long as `columns`.
    """
    return {"amount": amount, "formula": formula, "columns": columns, "rows": rows, "note": note}


CHART_HEIGHT = 160
CHART_TOP = 22
FEW_BARS = 8


@register.inclusion_tag("components/bar_chart.html")
def bar_chart(
    items: Sequence[Mapping[str, Any]], title: str, label: str = "Day", value_label: str = "Value"
) -> dict[str, Any]:
    """Bars as SVG and the same numbers as a table.

    items: {label, value (number), title (the value in words), projected?}. Sizes are SVG attributes in
    percent, because the page allows no inline styles.
    """
    values = [max(Decimal(str(item["value"])), Decimal(0)) for item in items]
    top = max(values, default=Decimal(0))
    width = Decimal(100) / max(len(items), 1)
    share_of_width = 0.56 if len(items) <= FEW_BARS else 1.0  # a handful of full-width bars is a wall
    bars = []
    for index, (item, value) in enumerate(zip(items, values, strict=True)):
        share = value / top if top else Decimal(0)
        height = round(float(share * (CHART_HEIGHT - CHART_TOP)), 1)
        height = max(height, 3.0) if value else 0.0
        x = float(width * index)
        edge = "start" if x < 8 else "end" if x > 88 else "middle"
        text_x = x if edge == "start" else x + float(width) if edge == "end" else x + float(width) / 2
        bars.append(
            {
                **item,
                "x": f"{x:.3f}%",
                "width": f"{float(width):.3f}%",
                "bar_x": f"{x + float(width) * (1 - share_of_width) / 2:.3f}%",
                "bar_width": f"{float(width) * share_of_width:.3f}%",
                "y": f"{CHART_HEIGHT - height:.1f}",
                "height": f"{height:.1f}",
                "text_x": f"{text_x:.3f}%",
                "text_y": f"{CHART_HEIGHT - height - 6:.1f}",
                "anchor": edge,
                "first": index == 0,
            }
        )
    return {
        "bars": bars,
        "title": title,
        "label": label,
        "value_label": value_label,
        "height": CHART_HEIGHT,
        "start": items[0]["label"] if items else "",
        "middle": items[len(items) // 2]["label"] if len(items) > 4 else "",
        "end": items[-1]["label"] if len(items) > 1 else "",
        "each": len(items) <= FEW_BARS,
    }
