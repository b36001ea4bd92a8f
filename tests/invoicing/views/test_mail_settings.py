"""The pages of a billing entity's e-mails, and the local mailbox."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import send_mail
from django.test import Client
from django.urls import reverse

from billing.models import BillingEntity, Job, Organization
from invoicing.actions.mail import deliver
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import publish_invoice
from invoicing.models import Invoice, MailWording
from tests.factories.customers import make_customer
from tests.factories.pages import queries, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
LOOK = {"HX-Request": "true", "HX-Target": "mail-preview"}


@pytest.fixture
def organization() -> Organization:
    return make_organization("Acme")


@pytest.fixture
def staff(organization: Organization) -> Client:
    return sign_in(Client(), make_member(organization))


def entity_of(organization: Organization) -> BillingEntity:
    """Its billing entity."""
    return BillingEntity.objects.get(organization=organization)


def invoice_of(organization: Organization, **fields: Any) -> Invoice:
    """An issued invoice."""
    customer = make_customer(organization, name="Globex", email="ap@globex.example", **fields)
    return create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)


def frame_of(answer: Any) -> str:
    """The address of the letter in the page."""
    found = re.search(r'<iframe class="mail-frame" src="([^"]+)"', text(answer))
    assert found is not None
    return unescape(found[1])


def test_what_goes_out_of_itself_is_chosen_on_one_page(organization: Organization, staff: Client) -> None:
    entity = entity_of(organization)
    url = reverse("billing-entity-mails", args=[entity])
    data = {"email_invoices": "on", "email_credit_notes": "on", "days_before": "3", "days_after": "14, 7"}
    assert staff.post(url, data).status_code == 302
    entity.refresh_from_db()
    assert (entity.email_invoices, entity.email_credit_notes, entity.reminder_days) == (
        True,
        True,
        [-3, 7, 14],
    )
    page = staff.get(url)
    assert page.context["form"]["days_after"].value() == "7, 14"
    assert queries(staff, url) <= 12
    answer = staff.post(url, data | {"days_after": "soon"})
    assert answer.status_code == 422 and 'value="soon"' in text(answer)
    assert "Write days as numbers" in text(answer)
    entity.refresh_from_db()
    assert entity.reminder_days == [-3, 7, 14]
    # The form of the billing entity knows nothing of these, and so takes none away.
    form = staff.get(reverse("billing-entity", args=[entity])).context["form"]
    assert not {"email_invoices", "email_credit_notes", "reminder_days"} & set(form.fields)


def test_words_are_typed_looked_at_saved_and_reset(organization: Organization, staff: Client) -> None:
    entity, invoice = entity_of(organization), invoice_of(organization)
    url = f"{reverse('billing-entity-mail', args=[entity, 'invoice'])}?language=de"
    assert "Rechnung {number} von {company}" in text(staff.get(url))
    typed = {"subject": "Hallo {customer}", "intro": "Betrag {amount}\n\n" + "ö" * 1500}
    looked = staff.post(url, typed, headers=LOOK)
    assert "Hallo Globex" in text(looked) and not MailWording.objects.exists()
    letter = staff.get(frame_of(looked))
    assert "Betrag" in text(letter) and "öööö" in text(letter)
    assert staff.post(url, typed).status_code == 302
    assert "Hallo {customer}" in text(staff.get(url))
    assert staff.get(reverse("billing-entity-mails", args=[entity])).context["kinds"][0]["own"] == ["German"]
    wrong = staff.post(url, typed | {"subject": "Hallo {kunde}"})
    assert wrong.status_code == 422 and "{kunde} is not known here" in text(wrong)
    assert "{kunde} is not known here" in text(staff.post(url, typed | {"subject": "{kunde}"}, headers=LOOK))
    assert MailWording.objects.get().subject == "Hallo {customer}"
    assert staff.post(url, {"reset": "1"}).status_code == 302
    assert not MailWording.objects.exists()
    assert invoice.number in text(staff.get(url))


@pytest.mark.parametrize(
    "form", ["credit_note", "receipt", "reminder_early", "reminder", "payment_request", "payment_failed"]
)
def test_every_kind_is_looked_at_with_a_real_invoice(
    organization: Organization, staff: Client, form: str
) -> None:
    invoice = invoice_of(organization)
    page = staff.get(reverse("billing-entity-mail", args=[entity_of(organization), form]))
    letter = text(staff.get(frame_of(page)))
    assert "Globex" in letter and invoice.number in letter and "{" not in letter.partition("<body")[2]


def test_without_an_invoice_there_is_nothing_to_look_at(organization: Organization, staff: Client) -> None:
    url = reverse("billing-entity-mail", args=[entity_of(organization), "invoice"])
    assert "The first issued invoice will stand here" in text(staff.get(url))
    assert (
        staff.post(url, {"subject": "x", "intro": "y", "trial": "1", "once": "trial-none"}).status_code == 422
    )
    assert (
        staff.get(reverse("billing-entity-mail", args=[entity_of(organization), "letter"])).status_code == 404
    )


def test_a_trial_goes_to_who_asks_and_keeps_what_is_typed(organization: Organization, staff: Client) -> None:
    invoice_of(organization)
    url = reverse("billing-entity-mail", args=[entity_of(organization), "invoice"])
    data = {"subject": "Mine {number}", "intro": "Words", "trial": "1", "once": "trial-a"}
    for _ in range(2):
        answer = staff.post(url, data)
    assert answer.status_code == 200 and 'value="Mine {number}"' in text(answer)
    job = Job.objects.get(task="invoicing.mail_trial")
    assert job.args[-1] == answer.context["to"] and answer.context["to"] in text(answer)
    assert not MailWording.objects.exists()


def test_an_invoice_of_others_is_not_looked_at(organization: Organization, staff: Client) -> None:
    mine, theirs = invoice_of(organization), invoice_of(make_organization("Other"), external_id="other")
    url = reverse("billing-entity-mail-letter", args=[entity_of(organization), "invoice"])
    letter = text(staff.get(url, {"invoice": theirs.public_id}))
    assert mine.number in letter


@pytest.fixture
def mailbox(settings: Any, tmp_path: Path) -> Path:
    """A machine without a mail server."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    settings.LOCAL_MAILBOX = True
    return tmp_path


def test_the_mailbox_has_the_organizations_e_mails_and_ones_own(
    organization: Organization, mailbox: Path
) -> None:
    member = make_member(organization)
    staff = sign_in(Client(), member)
    for owner in (organization, make_organization("Other")):
        invoice = invoice_of(owner)
        publish_invoice(invoice.pk)
        mail = send_document_mail(invoice, key="one", by=ACTOR, at=NOW)
        deliver(mail.pk, attempt=1, by=ACTOR, at=NOW)
    send_mail("Set a password", "link", None, [member.user.email])
    send_mail("Not mine", "link", None, ["somebody@else.example"])
    page = staff.get(reverse("mailbox"))
    mine = Invoice.objects.get(organization=organization)
    subjects = {one.subject for one, _ in page.context["page"].object_list}
    assert subjects == {f"Invoice {mine.number} from Acme", "Set a password"}
    [kept] = [one for one, row in page.context["page"].object_list if row]
    opened = text(staff.get(reverse("mailbox"), {"of": kept.reference}))
    assert f"{mine.number}.pdf" in opened and reverse("invoice", args=[mine]) in opened
    assert "Globex" in text(staff.get(reverse("mailbox-letter"), {"of": kept.reference}))
    file = staff.get(reverse("mailbox-file"), {"of": kept.reference, "file": "0"})
    assert file.content.startswith(b"%PDF") and "attachment" in file["Content-Disposition"]
    assert staff.get(reverse("mailbox-file"), {"of": kept.reference, "file": "9"}).status_code == 302
    assert staff.get(reverse("mailbox"), {"of": "no-such"}).status_code == 404


def test_with_a_mail_server_it_is_closed(organization: Organization, mailbox: Path, settings: Any) -> None:
    member = make_member(organization)
    send_mail("Set a password", "link", None, [member.user.email])
    settings.LOCAL_MAILBOX = False
    page = sign_in(Client(), member).get(reverse("mailbox"))
    assert list(page.context["page"].object_list) == []
    assert "Nothing is kept here" in text(page)
    assert sign_in(Client(), make_member(organization, "finance")).get(reverse("mailbox")).status_code == 403
