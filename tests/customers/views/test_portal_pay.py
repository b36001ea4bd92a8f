"""A customer pays an invoice in the portal, and nobody else's."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.actions.clock import now
from customers.actions.portal import create_link
from invoicing.models import PaymentAttempt
from tests.factories.pages import text
from tests.factories.paying import make_due, make_payer
from tests.factories.people import ACTOR, make_organization
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


def test_paying_in_the_portal(stripe: FakeStripe) -> None:
    acme = make_organization()
    invoice, other = make_due(acme), make_due(acme)
    customer = invoice.customer
    _, secret = create_link(customer, days=7, by=ACTOR, at=now(acme))
    client = Client()
    client.get(f"/portal/enter/{secret}")
    path = f"/portal/invoices/{invoice.public_id}/pay"
    assert path not in client.get("/portal").content.decode(), "nothing can be paid online"
    make_payer(acme, "mpesa")
    assert path not in client.get("/portal").content.decode(), "M-Pesa does not take EUR"
    make_payer(acme, name="Our account 7")
    assert path in client.get("/portal").content.decode()
    assert path in client.get("/portal/invoices").content.decode()

    page = client.post(path)
    assert stripe.money.session()["url"] in page.content.decode()
    assert "Our account 7" not in text(page)
    client.post(path)
    assert PaymentAttempt.objects.count() == len(stripe.money.sessions) == 1
    assert client.get(path).status_code == 405
    assert client.post(f"/portal/invoices/{other.public_id}/pay").status_code == 404
    assert Client().post(path).status_code == 403

    PaymentAttempt.objects.update(state="failed")
    stripe.next(401)
    page = client.post(path, follow=True)
    assert "cannot be paid online just now" in text(page)
    assert "secret key" not in text(page)
