"""Wallets: the customer's tab, and one wallet with its rules, what is left of its credits, and its ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import Alert, EntryKind, Wallet, WalletEntry, WalletLot
from billing.queries.schedules import customer_zone
from billing.queries.wallets import metrics_of, pays_for, wallet_state
from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from customers.queries.wallet_list import ListedWallet, is_low, stated
from customers.views.find import wallet_or_404
from customers.views.frame import customer_frame, find_customer
from invoicing.actions.wallet_settling import open_settlements

MOST_LOTS = 50


@require_safe
@access("wallets.view")
def customer_wallets(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab of a customer: the strip of its primary wallet, and all wallets, but for those that ended unused."""
    customer, at = find_customer(request, id), now(request.organization)
    rows = Wallet.objects.filter(customer=customer).exclude(untouched=True, status="terminated")
    rows = rows.select_related("customer__billing_entity")
    page = page_of(request, rows.order_by("-is_primary", "status", "priority", "created_at", "pk"))
    found = stated(list(page.object_list), at)
    first = found[0] if found and found[0].wallet.status == "active" else None
    context = {"page": page, "rows": found, "first": first, "ready": len(found) == 1 and is_ready(first)}
    context |= customer_frame(request, customer, "wallets")
    return render_page(request, "customers/wallets/tab.html", context, partials=("wallet-table",))


def is_ready(row: ListedWallet | None) -> bool:
    """Active, without a movement so far, and none on its way."""
    if row is None or row.wallet.untouched:
        return row is not None
    used = row.wallet.balance_minor or WalletEntry.objects.filter(wallet=row.wallet).exists()
    return not used and not row.wallet.credit_invoices.exists()


@require_safe
@access("wallets.view")
def wallet(request: StaffRequest, id: UUID) -> HttpResponse:
    """One wallet."""
    row, at = wallet_or_404(request, id), now(request.organization)
    entries = WalletEntry.objects.filter(wallet=row).select_related("invoice")
    used = entries.filter(kind=EntryKind.CONSUMED).aggregate(total=Sum("amount_minor"))["total"] or 0
    pending = row.credit_invoices.unpaid().filter(wallet_credits__isnull=False)
    page = page_of(request, entries)
    context = {
        "wallet": row,
        "customer": row.customer,
        "state": wallet_state(row, at),
        "low": is_low(row),
        "at": at,
        "lots": open_lots(row, at),
        "page": page,
        "used_minor": -used,
        "pending": pending,
        "schedule": getattr(row, "top_up_schedule", None),
        "settlements": open_settlements(row) if row.balance_minor < 0 else [],
        "is_active": row.status == "active",
        "ready": row.status == "active" and not page.paginator.count and not pending,
        "tz": customer_zone(row.customer),
        "pays_for": pays_for(row, metrics_of([row])),
        "alerts": Alert.objects.kept().filter(wallet=row),
    }
    return render_page(request, "customers/wallets/detail.html", context, partials=("entry-table",))


def open_lots(wallet: Wallet, at: datetime) -> list[dict[str, Any]]:
    """What is left of each grant and purchase, in the order in which it is used."""
    if wallet.status != "active":
        return []
    rows = WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0).select_related("entry__invoice")
    rows = rows.order_by("priority", "-promotional", "expires_at", "created_at", "pk")[:MOST_LOTS]
    return [{"lot": lot, "expired": bool(lot.expires_at and lot.expires_at <= at)} for lot in rows]
