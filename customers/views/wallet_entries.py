"""One movement of a wallet: what its credits paid for, or from which credits it was paid."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.models import WalletEntry
from billing.queries.schedules import customer_zone
from billing.queries.wallet_uses import paid_for, paid_from
from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest

MOST_USES = 100


@require_safe
@access("wallets.view")
def entry(request: StaffRequest, id: UUID) -> HttpResponse:
    """One movement."""
    rows = WalletEntry.objects.of(request.organization).select_related(
        "wallet__customer__billing_entity", "invoice", "lot"
    )
    row = rows.get_or_404(pk=id)
    lot = getattr(row, "lot", None)
    uses = list(paid_for(row).reverse()[: MOST_USES + 1])
    context = {
        "entry": row,
        "wallet": row.wallet,
        "lot": lot,
        "uses": uses[:MOST_USES],
        "more": len(uses) > MOST_USES,
        "sources": paid_from(row),
        "tz": customer_zone(row.wallet.customer),
    }
    return render_page(request, "customers/wallets/entry.html", context, partials=("drawer",))
