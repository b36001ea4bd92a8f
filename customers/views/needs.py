"""The rows of "Needs you today": what waits, how many, what it is about, and the act beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, resolve, reverse

from billing.web.access import may
from billing.web.formats import moment_text
from billing.web.requests import StaffRequest
from customers.queries.home import Home
from customers.queries.needs import Part

AGES = (
    ("overdue_30", "up to 30 days"),
    ("overdue_60", "31 to 60"),
    ("overdue_90", "61 to 90"),
    ("overdue_more", "longer"),
)
OVERDUE = tuple(kind for kind, _ in AGES)


@dataclass(frozen=True)
class Need:
    """One kind of row. `one` and `many` go on after the count; `first` introduces the nearest moment; `act` is
    (label, URL name, permission), a POST when `post` is set.
    """

    kinds: tuple[str, ...]
    icon: str
    tone: str
    one: str
    many: str
    url_name: str
    query: str = ""
    note: str = ""
    first: str = ""
    act: tuple[str, str, str] = ("", "", "")
    post: bool = False


NEEDS = (
    Need(
        OVERDUE,
        "clock-alert",
        "danger",
        "invoice is overdue",
        "invoices are overdue",
        "invoices",
        "tab=overdue",
    ),
    Need(
        ("failed_payments",),
        "credit-card",
        "danger",
        "payment failed",
        "payments failed",
        "payments",
        "state=failed",
        "In the last 30 days; the invoices are still unpaid.",
    ),
    Need(
        ("paid_problems",),
        "circle-alert",
        "danger",
        "online payment could not be recorded",
        "online payments could not be recorded",
        "payment-attempts",
        "state=problem",
        "Money came, or went back, that nobody expected.",
    ),
    Need(
        ("failed_refunds",),
        "undo-2",
        "danger",
        "refund failed",
        "refunds failed",
        "payments",
        "state=refund_failed",
        "The provider did not send the money back; it can be tried again.",
    ),
    Need(
        ("failed_attempts",),
        "credit-card",
        "warning",
        "online payment failed",
        "online payments failed",
        "payment-attempts",
        "state=failed",
        "In the last 30 days, with the reason; the invoices are still unpaid.",
    ),
    Need(
        ("webhooks",),
        "webhook",
        "danger",
        "webhook is not answering",
        "webhooks are not answering",
        "webhooks",
        note="Events wait for it, or are not sent any more.",
    ),
    Need(
        ("failed_jobs",),
        "circle-x",
        "danger",
        "job failed",
        "jobs failed",
        "jobs",
        "state=failed",
        "Work that stopped; the reason is below.",
    ),
    Need(
        ("alerts",),
        "bell",
        "warning",
        "alert has fired",
        "alerts have fired",
        "alerts",
        "seen=no",
        first="The first",
        note="Usage or a balance has crossed a threshold.",
    ),
    Need(
        ("drafts",),
        "file-pen-line",
        "warning",
        "draft to review",
        "drafts to review",
        "invoices",
        "tab=draft",
        first="Becomes final by itself",
    ),
    Need(
        ("reviews",),
        "scale",
        "warning",
        "invoice with tax to look at again",
        "invoices with tax to look at again",
        "invoices",
        "review=waiting",
        "The customer became a business afterwards; the tax may have to be credited.",
    ),
    Need(
        ("quarantined",),
        "shield-alert",
        "warning",
        "event in quarantine",
        "events in quarantine",
        "events-quarantine",
        note="They match no subscription or metric.",
        act=("Match again", "events-match", "events.edit"),
        post=True,
    ),
    Need(
        ("late_events",),
        "history",
        "warning",
        "event came after its invoice",
        "events came after their invoice",
        "events",
        "late=open",
        "No invoice asks for them.",
    ),
    Need(
        ("provider_failed",),
        "plug-zap",
        "warning",
        "customer could not be sent to a payment provider",
        "customers could not be sent to a payment provider",
        "integrations",
        note="It is tried again by itself.",
    ),
    Need(
        ("vat_pending",),
        "badge-percent",
        "info",
        "VAT number waits for its check",
        "VAT numbers wait for their check",
        "vat-settings",
        note="The register does not always answer; it is asked again.",
    ),
    Need(
        ("vat_failed",),
        "badge-alert",
        "warning",
        "VAT number could not be checked",
        "VAT numbers could not be checked",
        "vat-settings",
        note="The register refused the question; it is not asked again by itself.",
    ),
    Need(
        ("low_wallets",),
        "wallet",
        "warning",
        "wallet is low",
        "wallets are low",
        "wallets",
        note="Below the balance at which somebody wants to know.",
    ),
    Need(
        ("expiring",),
        "hourglass",
        "info",
        "lot of credits expires soon",
        "lots of credits expire soon",
        "wallets",
        first="The first",
        note="Within 30 days.",
    ),
    Need(
        ("trials",),
        "timer",
        "info",
        "trial ends within 7 days",
        "trials end within 7 days",
        "subscriptions",
        "status=trialing",
        first="The first",
    ),
    Need(
        ("ending",),
        "calendar-clock",
        "info",
        "subscription ends within 30 days",
        "subscriptions end within 30 days",
        "subscriptions",
        first="The first",
    ),
    Need(
        ("deleting",),
        "trash-2",
        "info",
        "customer is being deleted",
        "customers are being deleted",
        "jobs",
        "state=running",
    ),
)


def link(url_name: str, query: str = "") -> str:
    """The address of a page with a filter; empty while there is no such page."""
    try:
        return reverse(url_name) + (f"?{query}" if query else "")
    except NoReverseMatch:
        return ""


def open_to(request: StaffRequest, url: str) -> str:
    """The address when the member may open it, else nothing: the view itself says which permission it asks for."""
    permission = getattr(resolve(url.partition("?")[0]).func, "permission", "") if url else ""
    return url if permission and may(request.member, permission) else ""


def rows(request: StaffRequest, found: Home) -> list[dict[str, Any]]:
    """The rows that have something, the most urgent first."""
    return [row(request, need, found) for need in NEEDS if found.count(*need.kinds)]


def row(request: StaffRequest, need: Need, found: Home) -> dict[str, Any]:
    """One row as the template shows it."""
    parts = [part for kind in need.kinds for part in found.needs.get(kind, [])]
    count = sum(part.count for part in parts)
    moments = [part.first_at for part in parts if part.first_at]
    notes = [need.note]
    if need.first and moments:
        notes.insert(0, f"{need.first} {moment_text(min(moments), request.organization.timezone)}.")
    if need.kinds == OVERDUE:
        notes = [by_age(found)]
    label, url_name, permission = need.act
    act_url = link(url_name) if url_name and may(request.member, permission) else ""
    return {
        "icon": need.icon,
        "tone": need.tone,
        "count": count,
        "sentence": need.one if count == 1 else need.many,
        "note": " ".join(note for note in notes if note),
        "amounts": by_currency(parts, request.organization.default_currency),
        "url": open_to(request, link(need.url_name, need.query)),
        "act": {"label": label, "url": act_url, "post": need.post} if act_url else None,
    }


def by_age(found: Home) -> str:
    """ "18 up to 30 days, 4 61 to 90": how late they are."""
    parts = [f"{label}: {found.count(kind):,}" for kind, label in AGES if found.count(kind)]
    return "Late " + " · ".join(parts)


def by_currency(parts: list[Part], own: str) -> list[Part]:
    """Sums of parts that have money, the organization's currency first."""
    sums: dict[str, list[int]] = {}
    for part in parts:
        if part.currency:
            total = sums.setdefault(part.currency, [0, 0])
            total[0] += part.count
            total[1] += part.minor
    found = [Part(currency, count, minor) for currency, (count, minor) in sums.items()]
    return sorted(found, key=lambda part: (part.currency != own, -part.count, part.currency))
