"""Two who give money of one payment back at the same moment, on PostgreSQL: never more than came."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db.models import Sum

from billing.rules.errors import BillingError
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.refunds import refund_payment
from invoicing.models import Payment, Refund
from tests.factories.invoicing import billed_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.flows.test_races import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_partial_refunds_at_once_stay_within_the_payment() -> None:
    """Five times 30.00 of 100.00: three are given back, two are refused. One sent twice counts once."""
    customer = billed_customer(make_organization())
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    payment = record_payment(invoice, key="all", by=ACTOR, at=NOW)
    keys = ["a", "b", "c", "d", "e"]
    works = [
        lambda key=key: refund_payment(payment, amount_minor=3000, key=key, by=ACTOR, at=NOW)
        for key in [*keys, *keys[:1]]
    ]
    answers = together(*works)
    refused = [answer for answer in answers if isinstance(answer, BillingError)]
    given = Refund.objects.filter(payment=payment).aggregate(sum=Sum("amount_minor"))["sum"]
    assert given == 9000 and Refund.objects.count() == 3
    assert Payment.objects.get(pk=payment.pk).refunded_minor == 9000
    assert len(refused) in (2, 3)  # the repeat of one that was refused is refused as well
