"""The vocabulary of our templates: icons, amounts, dates, badges, fields, tables. A builtin: no `{% load %}`.

Each tag that has markup of its own renders `templates/components/<tag>.html`, whose first lines list the
inputs; `templates/components/README.md` has an example of each. Blocks (drawer, menu, card …) are in
`ui_blocks.py` and share this library, as do the charts of `ui_charts.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import lucide
from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.http import QueryDict
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from billing.templatetags import ui_charts
from billing.templatetags.ui_blocks import register
from billing.web import assets, badges, formats

__all__ = ["register", "ui_charts"]
DASH = format_html('<span class="muted">{}</span>', formats.UNKNOWN)


@lru_cache(maxsize=512)
def _icon(name: str, size: int, classes: str) -> str:
    svg = lucide._render_icon(name, size, aria_hidden="true", focusable="false")
    return SafeString(svg.replace("<svg ", f'<svg class="{classes}" ', 1))  # from the package's own files


@register.simple_tag
def icon(name: str, size: int = 16, kind: str = "") -> str:
    """A Lucide icon drawn inline, hidden from screen readers; `kind` is a further class."""
    return _icon(name, size, escape(f"icon {kind}".strip()))


@register.simple_tag
def stylesheet() -> str:
    """The one stylesheet. With DEBUG it is built again whenever a file under static/css is newer."""
    if settings.DEBUG:
        assets.build_css(
            Path(settings.BASE_DIR) / "static/css", Path(settings.STATIC_BUILD_DIR) / "css/app.css"
        )
    return format_html('<link rel="stylesheet" href="{}">', static("css/app.css"))


# --- Values -----------------------------------------------------------------------------------------------
@register.filter
def money(minor: Any, currency: str = "") -> str:
    """`{{ invoice.total_minor|money:invoice.currency }}` or `{{ money|money }}`: symbol, ISO digits."""
    if minor is not None and hasattr(minor, "minor"):
        minor, currency = minor.minor, minor.currency
    return format_html('<span class="money">{}</span>', formats.money_text(minor, currency))


@register.filter
def money_code(minor: Any, currency: str = "") -> str:
    """As `money`, with the ISO code instead of a symbol: where currencies stand side by side."""
    if minor is not None and hasattr(minor, "minor"):
        minor, currency = minor.minor, minor.currency
    return format_html('<span class="money">{}</span>', formats.money_text(minor, currency, code=True))


@register.filter
def units(value: Decimal | int | None) -> str:
    """A quantity or exact unit price: grouping, no trailing zeros, a dash for None."""
    return format_html('<span class="tabular">{}</span>', formats.units_text(value))


@register.filter
def day(value: date | datetime | None, tz: object = None) -> str:
    """`{{ invoice.due_on|day }}`, `{{ sub.started_at|day:customer.timezone }}` -> 21 Nov 2026."""
    if not value:
        return DASH
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), formats.day_text(value))
    local = value.astimezone(formats.zone_of(tz))
    title = formats.moment_title(value, tz)
    text = formats.day_text(local.date())
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), title, text)


@register.filter
def moment(value: datetime | None, tz: object = None) -> str:
    """`{{ event.received_at|moment:customer.timezone }}` -> 21 Nov 2026, 14:05; exact in the title."""
    if not value:
        return DASH
    title, text = formats.moment_title(value, tz), formats.moment_text(value, tz)
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), title, text)


@register.filter
def clock(value: datetime | None, tz: object = None) -> str:
    """Time of day alone, for a timeline of one day: 14:05."""
    if not value:
        return DASH
    local = value.astimezone(formats.zone_of(tz))
    title = formats.moment_title(value, tz)
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), title, f"{local:%H:%M}")


@register.filter
def or_dash(value: object) -> object:
    """The value, or a quiet dash when there is none."""
    return DASH if value is None or value == "" else value


# --- Small pieces -----------------------------------------------------------------------------------------
@register.inclusion_tag("components/badge.html")
def badge(status: str, label: str = "", tone: str = "") -> dict[str, Any]:
    """`{% badge invoice.status %}`: dot and word; `label` and `tone` override the table."""
    known_tone, word = badges.look(status)
    live = str(status).lower() in badges.LIVE
    return {"tone": tone if tone in badges.TONES else known_tone, "label": label or word, "live": live}


@register.inclusion_tag("components/avatar.html")
def avatar(name: str, size: int = 28, shape: str = "square") -> dict[str, Any]:
    """Initials on a soft tone that stays the same for the same name. `shape`: square or person."""
    words = [word for word in str(name or "?").replace("-", " ").split() if word[0].isalnum()] or ["?"]
    initials = words[0][0] + (words[-1][0] if len(words) > 1 else words[0][1:2])
    return {
        "initials": initials.upper(),
        "tone": zlib.crc32(str(name).encode()) % 6,
        "size": size,
        "shape": shape,
    }


@register.inclusion_tag("components/copy.html")
def copy(value: str, label: str = "", mono: bool = False) -> dict[str, Any]:
    """A value with a button that copies it. `label` is shown instead of a long value."""
    return {"value": value, "label": label or value, "mono": mono}


OVERLAYS = {"drawer": "#drawer", "dialog": "#dialog"}


@register.inclusion_tag("components/button.html")
def button(
    label: str,
    url: str = "",
    kind: str = "secondary",
    icon: str = "",
    overlay: str = "",
    busy: str = "",
    size: str = "",
    name: str = "",
    value: str = "",
    form: str = "",
    icon_only: bool = False,
    disabled: bool = False,
) -> dict[str, Any]:
    """A link when it has a `url` (with `overlay` it opens the drawer or dialog), else a submit button."""
    return {**locals(), "target": OVERLAYS.get(overlay, "")}


@register.inclusion_tag("components/menu_item.html", takes_context=True)
def menu_item(
    context: template.Context,
    label: str,
    url: str = "",
    icon: str = "",
    overlay: str = "",
    post: bool = False,
    danger: bool = False,
    active: bool = False,
    reason: str = "",
) -> dict[str, Any]:
    """One entry of a menu: link, drawer or dialog link, or POST form. `reason` disables it and says why."""
    values = {key: value for key, value in locals().items() if key != "context"}
    return {**values, "target": OVERLAYS.get(overlay, ""), "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("components/crumb.html")
def crumb(label: str, url: str = "") -> dict[str, str]:
    """One step of the breadcrumb; the last has no `url`."""
    return {"label": label, "url": url}


@register.inclusion_tag("components/empty.html")
def empty(
    icon: str, title: str, text: str = "", action_url: str = "", action_label: str = "", overlay: str = ""
) -> dict[str, str]:
    """What will stand here, in one line, and the one action."""
    return {**locals(), "target": OVERLAYS.get(overlay, "")}


@register.inclusion_tag("components/tabs.html")
def tabs(items: list[Mapping[str, Any]], label: str = "Sections", segments: bool = False) -> dict[str, Any]:
    """Tabs as links: items {label, url, active, count?}. `segments` draws the small switch instead."""
    return {"items": items, "label": label, "segments": segments}


@register.inclusion_tag("components/chips.html")
def chips(items: list[Mapping[str, str]], clear_url: str = "", target: str = "") -> dict[str, Any]:
    """Applied filters: items {label, value, remove_url}."""
    return {"items": items, "clear_url": clear_url, "target": target}


@register.inclusion_tag("components/skeleton.html")
def skeleton(rows: int = 5, shape: str = "table") -> dict[str, Any]:
    """The outline of what is loading, shown after 150 ms. `shape`: table or text."""
    return {"rows": range(rows), "shape": shape}


# --- Tables -----------------------------------------------------------------------------------------------
def _query(context: template.Context, **changes: str | int | None) -> str:
    request = context.get("request")
    query = request.GET.copy() if request is not None else QueryDict(mutable=True)
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = str(value)
    return "?" + query.urlencode()


@register.inclusion_tag("components/sort_header.html", takes_context=True)
def sort_header(
    context: template.Context,
    label: str,
    field: str,
    target: str = "",
    num: bool = False,
    extra: bool = False,
) -> dict[str, Any]:
    """A `<th>` whose link sorts by `field` (`?sort=name`, then `?sort=-name`), back on page 1."""
    request = context.get("request")
    now = request.GET.get("sort", "") if request is not None else ""
    direction = "ascending" if now == field else "descending" if now == f"-{field}" else ""
    turned = f"-{field}" if direction == "ascending" else field
    url = _query(context, sort=turned, page=None, cursor=None)
    classes = " ".join(name for name, on in (("num", num), ("extra", extra)) if on)
    return {"label": label, "url": url, "direction": direction, "target": target, "classes": classes}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(
    context: template.Context, page_obj: Any, noun: str = "results", target: str = ""
) -> dict[str, Any]:
    """Where we are in a list, previous and next, for a Django `Page` (or anything shaped like one)."""
    last = page_obj.paginator.num_pages
    if page_obj.paginator.count == 1:
        noun = f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")
    return {
        "page": page_obj,
        "total": formats.units_text(page_obj.paginator.count),
        "last": last,
        "noun": noun,
        "target": target,
        "previous_url": _query(context, page=page_obj.number - 1) if page_obj.has_previous() else "",
        "next_url": _query(context, page=page_obj.number + 1) if page_obj.has_next() else "",
    }


# --- Forms ------------------------------------------------------------------------------------------------
def _kind(widget: Any, cards: bool) -> str:
    if isinstance(widget, RadioSelect):
        return "cards" if cards else "radios"
    if isinstance(widget, CheckboxSelectMultiple):
        return "checks"
    if isinstance(widget, CheckboxInput):
        return "check"
    return "select" if isinstance(widget, Select) else "text"


@register.simple_tag
def field(
    bound: BoundField,
    prefix: str = "",
    suffix: str = "",
    hint: str = "",
    label: str = "",
    optional: bool | None = None,
    cards: bool = False,
    span: bool = False,
    bare: bool = False,
    **attrs: Any,
) -> SafeString:
    """Label, control, hint and errors of one field, tied together for screen readers.

    Further keywords become attributes of the control (`hx_get=url` -> `hx-get`). `bare` leaves out the
    visible label (cells of a formset). `field.choice_hints = {value: text}` adds a line to a radio choice.
    """
    if bound.is_hidden:
        return bound.as_widget()
    kind = _kind(bound.field.widget, cards)
    base = bound.id_for_label or bound.auto_id or bound.html_name
    hint = hint or str(bound.help_text or "")
    described = [f"{base}_hint"] * bool(hint) + [f"{base}_error"] * bool(bound.errors)
    extra: dict[str, Any] = {key.replace("_", "-"): value for key, value in attrs.items()}
    if described:
        extra["aria-describedby"] = " ".join(described)
    if bound.errors:
        extra["aria-invalid"] = "true"
    if bare:
        extra["aria-label"] = label or str(bound.label)
    if kind in ("text", "select"):
        given = extra.get("class", bound.field.widget.attrs.get("class", ""))
        extra["class"] = f"input {given}".strip()
    hints = getattr(bound.field, "choice_hints", {})
    options = []
    if kind in ("cards", "radios", "checks"):
        options = [(sub, hints.get(str(sub.data["value"]), "")) for sub in bound.subwidgets]
    return render_to_string(
        "components/field.html",
        {
            "field": bound,
            "kind": kind,
            "base": base,
            "label": label or bound.label,
            "hint": hint,
            "prefix": prefix,
            "suffix": suffix,
            "optional": (not bound.field.required and kind != "check") if optional is None else optional,
            "control": bound.as_widget(attrs=extra) if not options else "",
            "options": options,
            "described": extra.get("aria-describedby", ""),
            "span": span,
            "bare": bare,
        },
    )


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: Any) -> dict[str, Any]:
    """The errors that belong to no single field, in a red panel; how many fields need a look."""
    hidden = [error for bound in form.hidden_fields() for error in bound.errors]
    return {"errors": [*form.non_field_errors(), *hidden], "form": form}


@register.inclusion_tag("components/formset.html")
def formset(
    forms: Any, headings: str = "", add_label: str = "Add row", can_add: bool = True
) -> dict[str, Any]:
    """A formset as a table with add and remove (tiers of a price, lines of an invoice, metadata pairs).

    `headings`: comma-separated; without it the labels of the visible fields.
    """
    names = [name.strip() for name in headings.split(",")] if headings else []
    if not names:
        names = [str(bound.label) for bound in forms.empty_form.visible_fields() if bound.name != "DELETE"]
    return {"formset": forms, "headings": names, "add_label": add_label, "can_add": can_add}
