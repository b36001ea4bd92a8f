"""What all tabs of the customer view share: header, tabs with counts, and the "Actions" dropdown.

Each tab passes `customer_frame(request, customer, "usage") | {...}` to `render_page` with a template that
extends `customers/view.html` and fills its block `tab`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.http import QueryDict
from django.urls import NoReverseMatch, reverse

from billing.models import AppliedCoupon, Subscription, Wallet
from billing.rules.states import OPEN
from billing.web.access import may
from billing.web.htmx import wants_partial
from billing.web.recent import remember
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.queries.overview import count_of
from customers.queries.tags import tag_rows, tags_of
from invoicing.models import CreditNote, Invoice, Payment


@dataclass(frozen=True)
class Act:
    """One entry of the dropdown: it shows when its page exists and the role may."""

    label: str
    icon: str
    url_name: str
    permission: str
    overlay: str = ""
    danger: bool = False


ACTS = (
    Act("Assign a plan", "layers", "customer-assign", "subscriptions.edit", "drawer"),
    Act("Create one-off invoice", "file-plus", "customer-one-off", "invoices.edit", "drawer"),
    Act("Apply coupon", "ticket-percent", "customer-apply-coupon", "coupons.apply", "drawer"),
    Act("Create wallet", "wallet", "customer-wallet-add", "wallets.edit", "drawer"),
    Act("Top up wallet", "circle-plus", "wallet-top-up", "wallets.edit", "drawer"),
    Act("Issue credit note", "file-minus", "customer-issue-credit-note", "credit_notes.edit", "drawer"),
    Act("Request payment", "hand-coins", "customer-request-payment", "invoices.edit", "drawer"),
    Act("Open customer portal", "external-link", "customer-portal", "customers.edit", "drawer"),
    Act("Bill now", "receipt-text", "customer-bill-now", "invoices.edit", "dialog"),
    Act("Merge into…", "merge", "customer-merge", "customers.delete", "drawer"),
    Act("Change type", "scale", "customer-type", "customers.edit", "drawer"),
    Act("Change mode", "arrow-left-right", "customer-mode", "customers.edit", "drawer"),
    Act("Edit customer", "pencil", "customer-edit", "customers.edit", "drawer"),
    Act("Delete customer", "trash-2", "customer-delete", "customers.delete", "dialog", danger=True),
)
CREDITABLE = "creditable"  # among the counts of the tabs
# tab, label, permission; the tab's URL is `customer-<tab>`, Overview's is `customer`
TABS = (
    ("overview", "Overview", "customers.view"),
    ("usage", "Usage", "usage.view"),
    ("subscriptions", "Subscriptions", "subscriptions.view"),
    ("wallets", "Wallets", "wallets.view"),
    ("coupons", "Coupons", "coupons.view"),
    ("invoices", "Invoices", "invoices.view"),
    ("payments", "Payments", "invoices.view"),
    ("credit-notes", "Credit notes", "credit_notes.view"),
    ("information", "Information", "customers.view"),
    ("settings", "Settings", "customers.view"),
    ("activity", "Activity", "audit.view"),
)


def find_customer(request: StaffRequest, id: UUID, **beside: Any) -> Customer:
    """The organization's customer that is not deleted, with its billing entity and tags; else 404. `beside`: what
    else the query reads, as attributes.
    """
    rows = Customer.objects.of(request.organization).kept().select_related("billing_entity")
    return rows.annotate(tag_rows=tag_rows(), **beside).get_or_404(pk=id)


def customer_frame(request: StaffRequest, customer: Customer, tab: str) -> dict[str, Any]:
    """The context of `customers/view.html`. One query, for the counts.

    `?act=assign` opens the entry whose page is `customer-assign` when the page has loaded: `opened`.

    Keys: customer, opened, tab, tabs, tab_count (how many the tab says it has), acts, tz (the customer's zone, else
    the billing entity's), edit_url (empty when the role may not), deletion_url (progress page while the customer is
    being deleted), tags and tags_url.
    """
    remember(request, "customer", customer)
    counts, wallet = tab_counts(customer)
    tabs = [
        {"label": label, "url": url, "active": name == tab, "count": counts.get(name) or None}
        for name, label, permission in TABS
        if may(request.member, permission)
        and (url := customer_url("customer" if name == "overview" else f"customer-{name}", customer))
    ]
    acts = (
        []
        if customer.deleting_at
        else customer_acts(request, customer, wallet, creditable=counts[CREDITABLE] > 0)
    )
    edit = next((act["url"] for act in acts if act["label"] == "Edit customer"), "")
    asked = f"customer-{request.GET.get('act', '')}"
    return {
        "customer": customer,
        "opened": next((act for act in acts if act["overlay"] and act["name"] == asked), None),
        "tab": tab,
        "tabs": tabs,
        "tab_count": counts.get(tab, 0),
        "acts": acts,
        "tz": customer.timezone or customer.billing_entity.timezone,
        "edit_url": edit,
        "deletion_url": customer_url("customer-deletion", customer) if customer.deleting_at else "",
        "tags": tags_of(customer),
        "tags_url": customer_url("customer-tags", customer) if edit else "",
    }


def customer_acts(
    request: StaffRequest, customer: Customer, wallet: UUID | None, *, creditable: bool
) -> list[dict[str, Any]]:
    """The dropdown's entries for this member; topping up is about the wallet that is used first, and a credit note
    needs an invoice that it can be made for.
    """
    subjects = {"wallet-top-up": wallet, "customer-issue-credit-note": customer if creditable else None}
    return [
        {
            "label": act.label,
            "icon": act.icon,
            "url": url,
            "overlay": act.overlay,
            "danger": act.danger,
            "name": act.url_name,
        }
        for act in ACTS
        if may(request.member, act.permission)
        and (subject := subjects.get(act.url_name, customer))
        and (url := customer_url(act.url_name, subject))
    ]


def opened_from(request: StaffRequest, customer: Customer) -> str:
    """The page behind the overlay, to go back to when its form was saved: without `act`, which would open it again.
    The customer's own page when the form was a page of its own.
    """
    here = (wants_partial(request) and request.htmx.current_url_abs_path) or ""
    path, _, query = here.partition("?")
    kept = QueryDict(query, mutable=True)
    kept.pop("act", None)
    return f"{path}?{kept.urlencode()}" if kept else path or customer_url("customer", customer)


def customer_url(name: str, subject: Customer | UUID) -> str:
    """The page of that name for the customer, or nothing when this installation has none."""
    try:
        return reverse(name, args=[subject])
    except NoReverseMatch:
        return ""


def tab_counts(customer: Customer) -> tuple[dict[str, int], UUID | None]:
    """How many each tab shows that matter now (open subscriptions, wallets in use, active coupons, invoices),
    how many invoices can be credited, and the wallet that is used first; one that was never used comes last.
    One query.
    """
    still_open = Q(status__in=[status.value for status in OPEN])
    active = Q(status="active")
    counts = {
        "subscriptions": count_of(Subscription.objects.filter(still_open)),
        "wallets": count_of(Wallet.objects.in_use().filter(active)),
        "coupons": count_of(AppliedCoupon.objects.filter(active)),
        "invoices": count_of(Invoice.objects.all()),
        "payments": count_of(Payment.objects.all()),
        "credit-notes": count_of(CreditNote.objects.all()),
        CREDITABLE: count_of(Invoice.objects.creditable()),
    }
    wallets = Wallet.objects.active().filter(customer=OuterRef("pk"))
    first = Subquery(wallets.order_by("untouched", "priority", "created_at", "pk").values("pk")[:1])
    *found, wallet = Customer.objects.filter(pk=customer.pk).values_list(*counts.values(), first).get()
    return dict(zip(counts, found, strict=True)), wallet
