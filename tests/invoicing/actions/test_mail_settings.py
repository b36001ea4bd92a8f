"""Own words in e-mails, credit notes that go out of themselves, and trials to oneself."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core import mail as outbox

from billing.models import AuditEntry, BillingEntity, Job, Organization
from billing.rules.errors import Invalid
from invoicing import tasks
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.mail_documents import document_text
from invoicing.actions.mail_settings import ask_for_trial, reset_words, save_words
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import publish_credit_note
from invoicing.models import CreditNote, Invoice, InvoiceLine, Mail, MailWording
from invoicing.queries.mail_wordings import Wording, languages_with_own, our_words
from tests.factories.customers import make_customer
from tests.factories.invoicing import on, set_entity
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
AT = on(2026, 1, 10)


@pytest.fixture
def organization() -> Organization:
    return make_organization("Acme")


def invoice_of(organization: Organization, **fields: object) -> Invoice:
    """An issued invoice over 100.00."""
    customer = make_customer(
        organization, **({"currency": "EUR", "email": "ap@globex.example", "name": "Globex"} | fields)
    )
    return create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=AT)


def entity_of(organization: Organization) -> BillingEntity:
    """Its billing entity."""
    return BillingEntity.objects.get(organization=organization)


def test_own_words_stand_in_their_language_alone(organization: Organization) -> None:
    entity, invoice = entity_of(organization), invoice_of(organization)
    words = Wording("Ihre Rechnung {number}, {customer}", "Hallo.\n\n{amount} bis {due_date}. {number}")
    save_words(entity, "invoice", "de", words, by=ACTOR, at=AT)
    text = document_text(invoice, [], language="de-AT")
    assert text.subject == f"Ihre Rechnung {invoice.number}, Globex"
    assert "100,00" in text.text and "Hallo." in text.text
    assert document_text(invoice, [], language="fr").subject.startswith("Facture")
    assert languages_with_own(entity) == {"invoice": ["de"]}
    entry = AuditEntry.objects.get(action="billing_entity.updated")
    assert entry.changes["invoice de subject"] == ["", words.subject]


def test_a_name_that_looks_like_a_placeholder_or_a_tag_stays_a_name(organization: Organization) -> None:
    invoice = invoice_of(organization, name="{number} <b>")
    words = Wording("For {customer}", "{customer} {{% now %}}".replace("{{% now %}}", "$(now)"))
    save_words(entity_of(organization), "invoice", "en", words, by=ACTOR, at=AT)
    text = document_text(invoice, [])
    assert text.subject == "For {number} <b>"
    assert "<b>" not in text.html and "$(now)" in text.text


def test_what_is_as_ours_is_not_kept_and_ours_come_back(organization: Organization) -> None:
    entity = entity_of(organization)
    ours = our_words("reminder", "en")
    assert save_words(entity, "reminder", "en", ours, by=ACTOR, at=AT) is None
    assert not MailWording.objects.exists()
    row = save_words(entity, "reminder", "en", Wording(ours.subject, "Please pay."), by=ACTOR, at=AT)
    assert row is not None and (row.subject, row.intro) == ("", "Please pay.")
    for _ in range(2):
        reset_words(entity, "reminder", "en", by=ACTOR, at=AT)
    assert not MailWording.objects.exists()
    assert AuditEntry.objects.filter(action="billing_entity.updated").count() == 2


@pytest.mark.parametrize(
    ("form", "language", "words", "field"),
    [
        ("invoice", "en", Wording("{unknown}", ""), "subject"),
        ("invoice", "en", Wording("", "{"), "intro"),
        ("invoice", "xx", Wording("", ""), "language"),
        ("letter", "en", Wording("", ""), "form"),
        ("invoice", "en", Wording("x" * 201, ""), "subject"),
    ],
)
def test_words_that_cannot_be_filled_are_refused(
    organization: Organization, form: str, language: str, words: Wording, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        save_words(entity_of(organization), form, language, words, by=ACTOR, at=AT)
    assert caught.value.field == field
    assert not MailWording.objects.exists()


def credited(invoice: Invoice) -> CreditNote:
    """A credit note over 10.00 without tax."""
    line = InvoiceLine.objects.get(invoice=invoice)
    return create_credit_note(invoice, [CreditItem(line, "Less", 1000)], 0, key="note", by=ACTOR, at=AT)


@pytest.mark.parametrize(
    ("entity", "customer", "wanted"),
    [(True, None, 1), (True, True, 1), (True, False, 0), (False, True, 0)],
)
def test_credit_notes_go_out_of_themselves_where_that_is_chosen(
    organization: Organization, entity: bool, customer: bool | None, wanted: int
) -> None:
    set_entity(organization, email_credit_notes=entity)
    note = credited(invoice_of(organization, email_invoices=customer))
    for _ in range(2):
        publish_credit_note(note.pk)
    assert Mail.objects.filter(kind="credit_note", credit_note=note).count() == wanted


def test_printing_an_old_credit_note_mails_nobody(organization: Organization) -> None:
    set_entity(organization, email_credit_notes=True)
    publish_credit_note(credited(invoice_of(organization)).pk, issued=False)
    assert not Mail.objects.exists()


def test_a_trial_goes_to_oneself_alone_and_saves_nothing(organization: Organization) -> None:
    entity, invoice = entity_of(organization), invoice_of(organization)
    job = ask_for_trial(
        entity, "reminder", "en", Wording("Soon: {number}", ""), invoice, to="ada@acme.example", token="t1"
    )
    tasks.mail_trial(str(job.pk))
    assert Job.objects.get(pk=job.pk).state == "succeeded"
    [message] = outbox.outbox
    assert message.to == ["ada@acme.example"]
    assert message.subject == f"[Trial] Soon: {invoice.number}"
    assert not Mail.objects.exists() and not MailWording.objects.exists()
    with pytest.raises(Invalid):
        ask_for_trial(entity, "invoice", "en", Wording("{x}", ""), invoice, to="ada@acme.example", token="t2")
