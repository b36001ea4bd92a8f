"""Seed 002: invoices by the SDK, against the real stack."""

from __future__ import annotations

import httpx
import pytest
from novabilling import BadRequestError
from novabilling.types import InvoiceItemDto

from tests.seeds.rows import row
from tests.seeds.sdk_world import World, token_of
from tests.stack import wait_for

pytestmark = pytest.mark.stack


@row("P37", "P38")
def test_a_manual_invoice_is_a_draft_with_its_total(world: World) -> None:
    made = world.client.invoices.create(
        customer_id=world.customer().id,
        items=[
            InvoiceItemDto(description="Pro Plan - Monthly", amount=15000, quantity=1),
            InvoiceItemDto(description="Additional API calls (500)", amount=2500, quantity=1),
        ],
        due_date="2025-02-28T00:00:00Z",
        notes="Thank you for your business!",
    )
    assert (made.data.status, made.data.total, made.data.currency) == ("draft", 17500, "NGN")
    assert str(made.due_date) == "2025-02-28" and made.notes == "Thank you for your business!"
    assert [line.description for line in made.lines] == ["Pro Plan - Monthly", "Additional API calls (500)"]


@row("P40", "P41", "P43", "P44", "P45", "P46")
def test_the_life_of_an_invoice(world: World) -> None:
    client, customer = world.client, world.customer()
    draft, to_void, to_pay = (world.draft(customer) for _ in range(3))
    assert draft.status == "draft"
    for invoice in (to_void, to_pay):
        assert client.invoices.finalize(invoice.id).data.status == "finalized"
    with pytest.raises(BadRequestError):
        client.invoices.finalize(to_pay.id)
    found = client.invoices.list(customer_id=customer.id, status="finalized", page=1, limit=10)
    assert {(row.id, row.status, row.total) for row in found.data} == {
        (invoice.id, "finalized", 17500) for invoice in (to_void, to_pay)
    }
    assert client.invoices.void(to_void.id).data.status == "voided"
    spent = client.customers.get(customer.id).total_spent
    paid = client.invoices.mark_paid(to_pay.id)
    assert (paid.data.status, paid.amount_due, paid.amount_paid) == ("paid", 0, 17500)
    assert client.customers.get(customer.id).total_spent - spent == 17500
    assert [row.id for row in client.invoices.list(customer_id=customer.id, status="paid")] == [to_pay.id]
    with pytest.raises(BadRequestError):
        client.invoices.void(to_pay.id)


@row("P42", "P47")
def test_a_final_invoice_can_be_downloaded(world: World) -> None:
    issued = world.issued(world.customer())
    assert issued.data.status == "finalized" and issued.data.pdf_url
    content = world.client.invoices.download_pdf(issued.id, patience=60)
    assert content.startswith(b"%PDF")
    key = {"Authorization": f"Bearer {token_of(world)}"}
    wait_for(lambda: world.client.invoices.get_pdf(issued.id).status == "ready", what="the PDF")
    for url in (issued.data.pdf_url, world.client.invoices.get_pdf(issued.id).data.url):
        answer = httpx.get(url, headers=key, timeout=60)
        assert answer.content.startswith(b"%PDF"), (url, answer.text)
        assert httpx.get(url, timeout=60).status_code == 401
