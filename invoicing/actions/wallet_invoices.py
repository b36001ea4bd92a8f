"""Invoices that stand for a wallet: credits that are sold, or a debt that is collected. No tax, issued at once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.actions import audit
from billing.models import Wallet
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone
from billing.rules.periods import local_date
from billing.rules.wallets import LAST_PRIORITY, Credits
from invoicing.actions.announcing import announce
from invoicing.actions.draft import payment_term
from invoicing.actions.issuing import issue
from invoicing.actions.rows import write_rows
from invoicing.models import Invoice, InvoiceType
from invoicing.rules.lines import LineFacts, credit_line
from invoicing.rules.totals import compute_totals


def bill_wallet(
    wallet: Wallet,
    customer: Any,
    worth: Credits,
    *,
    description: str,
    action: str,
    key: str = "",
    sold: Decimal | None = None,
    priority: int = LAST_PRIORITY,
    by: Actor,
    at: datetime,
) -> Invoice:
    """Issue an invoice for a locked wallet of a locked customer. `sold`: the credits that arrive when it is paid, and
    `priority` when they are used; None: it collects a debt.
    """
    if wallet.untouched:
        wallet.untouched = False
        wallet.save(update_fields=["untouched", "updated_at"])
    facts = LineFacts(description=description, currency=wallet.currency)
    lines = [credit_line(facts, worth.credits, worth.minor, wallet.rate)]
    tz = customer_zone(customer)
    invoice = Invoice.objects.create(
        organization=customer.organization,
        billing_entity=customer.billing_entity,
        customer=customer,
        type=InvoiceType.CREDIT.value,
        currency=wallet.currency,
        timezone=tz,
        locale=customer.locale or customer.billing_entity.locale,
        issuing_on=local_date(at, tz),
        customer_name=customer.display_name,
        net_payment_term_days=payment_term(customer),
        wallet=wallet,
        wallet_credits=sold,
        wallet_priority=priority,
        metadata={"transactionId": key} if key else {},
    )
    write_rows(invoice, lines, compute_totals(lines, currency=invoice.currency), fresh=True)
    invoice.save()
    audit.record(customer.organization, action, invoice, by=by, at=at, customer=customer)
    announce(invoice, "invoice.created", at=at)
    return issue(invoice, customer, by=by, at=at)
