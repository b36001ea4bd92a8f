"""Selling prepaid credits: an invoice without tax, issued at once; the credits arrive when it is paid."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_present_customer
from billing.actions.wallets import check_active, lock_wallet
from billing.models import Wallet
from billing.orm.actor import Actor
from billing.rules.periods import local_date
from billing.rules.wallets import credits_in
from invoicing.actions.draft import payment_term
from invoicing.actions.finalize import issue
from invoicing.actions.rows import write_rows
from invoicing.models import Invoice, InvoiceType
from invoicing.queries.facts import customer_zone
from invoicing.rules.lines import LineFacts, credit_line
from invoicing.rules.totals import compute_totals


@transaction.atomic
def sell_credits(wallet: Wallet, credits: Decimal, *, key: str = "", by: Actor, at: datetime) -> Invoice:
    """Bill credits for a wallet. Only what whole minor units pay for is sold: 1,034 credits at 0.001 EUR are
    1,030 for 1.03 EUR. Refused for a terminated wallet. A `key` makes a repeat harmless: the wallet's invoice
    with that key is returned.
    """
    customer = lock_present_customer(wallet.customer_id)
    wallet = lock_wallet(wallet)
    if key and (sold := wallet.credit_invoices.filter(metadata__transactionId=key).first()):
        return sold
    check_active(wallet)
    worth = credits_in(credits, wallet.rate, wallet.currency)
    facts = LineFacts(description=f"Prepaid credits for {wallet}", currency=wallet.currency)
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
        wallet_credits=worth.credits,
        metadata={"transactionId": key} if key else {},
    )
    write_rows(invoice, lines, compute_totals(lines, currency=invoice.currency), fresh=True)
    invoice.save()
    audit.record(customer.organization, "wallet.top_up_billed", invoice, by=by, at=at, customer=customer)
    return issue(invoice, customer, by=by, at=at)
