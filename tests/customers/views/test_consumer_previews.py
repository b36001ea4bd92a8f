"""What a consumer's invoice would be is shown with tax, as it will be printed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from invoicing.actions.preview import preview_bill_now, preview_next_bill
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, default_tax, give_coupon, make_plan, subscribe
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


def test_lines_and_coupons_include_their_tax_and_add_up(client: Client) -> None:
    """100 units at 0.10 and 10 % off, 20 % tax: 12.00 - 1.20 = 10.80, of which tax 1.80."""
    organization = make_organization()
    start = timezone.now() - timedelta(minutes=5)
    default_tax(organization, "20")
    metric = make_metric(organization)
    customer = billed_customer(organization, customer_type="consumer")
    subscription = subscribe(customer, make_plan(organization, 0, charge(metric)), start)
    give_coupon(customer, start, percentage=Decimal(10))
    use(subscription, metric, 100, at=start)
    later = subscription.next_billing_at
    assert later is not None

    (item,) = preview_next_bill(customer, later, by=ACTOR)
    found = preview_bill_now(customer, by=ACTOR, at=timezone.now())

    for lines, before in ((item.lines, item.before_tax), (found.lines, found.before_tax)):
        assert [line.amount_minor for line in lines] == [1200]
        assert [row.amount_minor for row in before] == [120]
    assert (item.total_minor, item.taxes_minor, found.invoice.total_minor) == (1080, 180, 1080)
    assert (item.with_tax, found.with_tax) == (True, True)
    sign_in(client, make_member(organization))
    page = client.get(reverse("customer-bill-now", args=[customer])).content.decode()
    assert "€12.00" in page and "€1.20" in page and "including tax" in page
