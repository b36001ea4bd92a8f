"""Erasing a deleted customer's personal data: nothing of it is left in the database, documents are as issued."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import DatabaseError, connection, transaction

from billing.actions import audit
from billing.models import (
    ApiCall,
    AuditEntry,
    EmittedEvent,
    IdempotentCall,
    Job,
    Member,
    QuarantinedEvent,
    SavedView,
    WebhookAttempt,
    WebhookDelivery,
)
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from customers import tasks
from customers.actions import erase as erasing
from customers.actions.delete import request_deletion
from customers.actions.duplicates import keep_apart
from customers.actions.erase import request_erasure
from customers.models import Customer, Note, PortalLink, VatCheck
from customers.queries.erasing import erasure_preview
from customers.rules.erasing import TABLES
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payment_methods import forget
from invoicing.actions.provider_push import Outcome, settle
from invoicing.models import Invoice, Mail, PaymentMethod, PaymentProvider, PaymentRequest, ProviderLink
from invoicing.queries.document import invoice_document
from invoicing.queries.pay_links import invoice_of_secret, pay_secret
from invoicing.queries.payment_requests import request_of_token
from invoicing.queries.verify import checked
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.people import NOW, make_organization
from tests.factories.webhooks import make_endpoint
from tests.factories.world import World, make_world

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db
BY = Actor("user", "Ada Biller")
AT = NOW + timedelta(days=100)
# What nobody else in the world is called. The words of one spelling each: in any case, anywhere.
PERSON: dict[str, Any] = {
    "name": "Zéphyrine Quill",
    "firstName": "Zéphyrine",
    "lastName": "Quillfeather",
    "email": "zephyrine@quill.example",
    "phone": "+493023125007",
    "legalName": "Quillfeather Ltd",
    "address": {"line1": "Kestrelweg 77", "city": "Zephyrstadt", "country": "FR"},
    "metadata": {"nickname": "zephyr-nick"},
}
WORDS = ("phyrine", "quill", "kestrelweg", "zephyr", "23125007", "quondam", "fr40303265045")


def texts() -> list[tuple[str, str]]:
    """(table, column) of the whole database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema='public'"
        )
        return list(cursor.fetchall())


def where_named(words: tuple[str, ...] = WORDS) -> set[str]:
    """The columns of the whole database in which one of the words stands."""
    found = set()
    wanted = "|".join(words)
    with connection.cursor() as cursor:
        for table, column in texts():
            cursor.execute(f'SELECT 1 FROM "{table}" WHERE "{column}"::text ~* %s LIMIT 1', [wanted])
            if cursor.fetchone():
                found.add(f"{table}.{column}")
    return found


def columns_kept() -> set[str]:
    """The columns that the rule says are kept."""
    return {
        f"{apps.get_model(label)._meta.db_table}.{apps.get_model(label)._meta.get_field(name).column}"
        for label, table in TABLES.items()
        for name in table.kept
    }


def delete(customer: Customer, **fields: Any) -> None:
    """The whole cascade."""
    job = request_deletion(customer, by=BY, at=AT, **fields)
    tasks.delete(str(job.pk))
    job.refresh_from_db()
    assert job.state == "succeeded", job.error
    customer.refresh_from_db()


def erase(customer: Customer, **fields: Any) -> Job:
    """Asked for and done."""
    given = {"reason": "Asked by letter", "confirm": customer.external_id, "by": BY, "at": AT} | fields
    job = request_erasure(customer, **given)
    assert job is not None
    tasks.erase(str(job.pk))
    job.refresh_from_db()
    assert job.state == "succeeded", job.error
    customer.refresh_from_db()
    return job


@dataclass
class Case:
    """A customer of whom the database is full, deleted; its unpaid invoices are kept."""

    world: World = field(default_factory=lambda: make_world("Globex"))

    def __post_init__(self) -> None:
        self.organization = self.world.organization
        self.customer: Customer = self.world.objects["customers"]
        self.endpoint = make_endpoint(self.organization)
        self.api = Api(self.organization)
        path = f"/customers/{self.customer.public_id}"
        status, answer = self.api.patch(path, {"name": "Quondam Quill"})
        assert status == 200, answer
        status, answer = self.api.patch(path, PERSON)
        assert status == 200, answer
        headers = {"HTTP_IDEMPOTENCY_KEY": "zephyr-free"}
        answer = self.api.client.post(
            "/api/invoices",
            json.dumps(
                {"customerId": self.customer.public_id, "items": [{"description": "W", "unitAmount": 9}]}
            ),
            content_type="application/json",
            **headers,
        )
        assert answer.status_code == 201, answer.content
        self.customer.refresh_from_db()
        self.invoice = create_one_off(
            self.customer,
            [Item("Work", Decimal(50))],
            finalize=True,
            by=Actor("customer", "Zéphyrine Quill"),
            at=AT,
        )
        self.world.objects["notes"].text = "Zéphyrine pays late"
        self.world.objects["notes"].save()
        mail: Mail = self.world.objects["mails"]
        Mail.objects.filter(pk=mail.pk).update(cc=["quondam@quill.example"], html="<p>Dear Zéphyrine</p>")
        SavedView.objects.create(
            organization=self.organization,
            owner=self.world.admin.user,
            noun="customers",
            name="Mine",
            query="search=Z%C3%A9phyrine+Quill",
        )
        delivery = WebhookDelivery.objects.filter(name="customer.updated").first()
        WebhookAttempt.objects.create(
            organization=self.organization,
            endpoint=self.endpoint,
            delivery=delivery,
            at=NOW,
            status_code=200,
            duration_ms=3,
            answer="Hello Zéphyrine Quill",
            succeeded=True,
        )
        self.twin = make_customer(self.organization, name="Another Person", email="twin@other.example")
        keep_apart(self.customer, self.twin, by=BY, at=NOW)
        LogEntry.objects.create(
            user=self.world.admin.user,
            action_flag=CHANGE,
            object_id=str(self.customer.pk),
            object_repr="Zéphyrine Quill",
            change_message="Zéphyrine",
        )
        audit.record(
            self.organization,
            "bulk_act.started",
            self.endpoint,
            by=BY,
            at=NOW,
            changes={"query": ("", "search=zephyrine@quill.example"), "total": (0, 3)},
        )
        delete(self.customer, unpaid_invoices="keep")


@pytest.fixture
def case(settings: SettingsWrapper, tmp_path: Path) -> Case:
    settings.LOCAL_MAILBOX, settings.EMAIL_FILE_PATH = True, str(tmp_path)
    return Case()


def test_nothing_is_left_but_what_the_law_wants(
    case: Case, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    invoice = Invoice.objects.get(pk=case.invoice.pk)
    documents = {row.pk: invoice_document(row) for row in Invoice.objects.exclude(number="")}
    mail: Mail = case.world.objects["mails"]
    (tmp_path / "a.log").write_text(
        f"Message-ID: <{mail.public_id}@x>\nTo: a@b.example\n\nZéphyrine\n" + "-" * 79
    )
    secret, token = pay_secret(invoice), case.world.objects["payment-requests"].token
    before = where_named()
    assert {"customers_note.text", "billing_auditentry.changes", "billing_apicall.request_body"} <= before
    assert {"billing_emittedevent.data", "billing_savedview.query", "invoicing_mail.html"} <= before
    assert {"django_admin_log.object_repr", "billing_webhookattempt.answer", "billing_job.label"} <= before
    preview = erasure_preview(case.customer)
    with django_capture_on_commit_callbacks(execute=True):
        job = erase(case.customer)

    behind_documents = {"customers_vatcheck.number"}  # the check of the number that the invoices print
    assert where_named() - columns_kept() == behind_documents
    customer = case.customer
    assert customer.display_name == f"Erased customer {customer.sequence}"
    assert (customer.external_id, customer.erased_at) == (customer.public_id, AT)
    assert not (tmp_path / "a.log").exists()
    assert invoice_of_secret(secret) is None and request_of_token(token) is None
    assert not PaymentRequest.objects.filter(customer=customer).open().exists()

    assert {row.pk: invoice_document(row) for row in Invoice.objects.exclude(number="")} == documents
    for row in Invoice.objects.exclude(number="").filter(seal__isnull=False):
        seal = checked(row)
        assert seal is not None and seal.whole
    assert [(step["name"], step["state"]) for step in job.steps][-1] == ("customer", "done")
    counts = {line.key: line.count for line in preview.erased}
    assert counts["mails"] == Mail.objects.filter(customer=customer).count() > 0
    assert counts["notes"] == 1 and not Note.objects.exists()
    assert {line.key for line in preview.kept} >= {
        "invoices",
        "credit_notes",
        "receipts",
        "payments",
        "usage",
    }
    assert preview.merged == 1 and preview.kept_until is not None
    assert (
        not PortalLink.objects.exists() and not QuarantinedEvent.objects.exclude(subscription=None).exists()
    )


def test_what_happened_stays_known(case: Case) -> None:
    trail = AuditEntry.objects.filter(customer=case.customer)
    before = list(trail.order_by("pk").values_list("pk", "at", "action", "subject_id"))
    actors = dict(trail.exclude(actor_kind="customer").values_list("pk", "actor_label"))
    numbers = set(trail.filter(subject_type="invoice").values_list("subject_label", flat=True))
    events = EmittedEvent.objects.count()
    erase(case.customer)
    assert list(trail.order_by("pk").values_list("pk", "at", "action", "subject_id"))[: len(before)] == before
    assert actors.items() <= dict(trail.values_list("pk", "actor_label")).items()
    assert set(trail.filter(subject_type="invoice").values_list("subject_label", flat=True)) == numbers
    last = trail.get(action="customer.erased")
    called = {f"Erased customer {case.customer.sequence}"}
    assert set(trail.filter(subject_id=case.customer.pk).values_list("subject_label", flat=True)) == called
    assert (last.reason, last.actor_label) == ("Asked by letter", "Ada Biller")
    told = EmittedEvent.objects.get(name="customer.erased")
    assert told.data == {"id": case.customer.public_id, "erasedAt": "2026-06-23T12:00:00Z"}
    assert (
        EmittedEvent.objects.count()
        == events + 1 + EmittedEvent.objects.filter(name="payment_request.canceled").count()
    )
    assert EmittedEvent.objects.filter(subject_id=case.customer.pk, name="customer.updated").first().data == {
        "id": case.customer.public_id,
        "erased": True,
    }
    others = EmittedEvent.objects.exclude(data__has_key="erased").values_list("name", flat=True)
    assert "customer.erased" in others


def test_a_repeat_of_an_earlier_call_does_nothing_and_says_nothing(case: Case) -> None:
    erase(case.customer)
    assert bytes(IdempotentCall.objects.get(key="zephyr-free").sealed) == b""
    count = Invoice.objects.count()
    answer = case.api.client.post(
        "/api/invoices",
        json.dumps({"customerId": case.customer.public_id, "items": [{"description": "W", "unitAmount": 9}]}),
        content_type="application/json",
        HTTP_IDEMPOTENCY_KEY="zephyr-free",
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_answer_lost")
    assert Invoice.objects.count() == count


def test_others_keep_everything(case: Case) -> None:
    other = make_customer(case.organization, name="Somebody else", email="else@other.example")
    case.api.patch(f"/customers/{other.public_id}", {"name": "Somebody else too", "phone": "+493023125009"})
    call = ApiCall.objects.latest("pk")
    stranger = make_world("Initech")
    there = AuditEntry.objects.filter(organization=stranger.organization).count()
    words = ("somebody", "else@other", "initech")
    before = where_named(words)
    trail = list(AuditEntry.objects.filter(customer=other).values())
    events = list(EmittedEvent.objects.filter(subject_id=other.pk).values())
    erase(case.customer)
    assert where_named(words) == before
    assert list(AuditEntry.objects.filter(customer=other).values()) == trail
    assert list(EmittedEvent.objects.filter(subject_id=other.pk).values()) == events
    assert ApiCall.objects.get(pk=call.pk).request_body == call.request_body
    assert AuditEntry.objects.filter(organization=stranger.organization).count() == there
    other.refresh_from_db()
    assert other.name == "Somebody else too" and other.erased_at is None


@pytest.mark.parametrize(
    "name", ["O'Brien (Ltd.) [x] {y} \\ ^$|*+?# %_-", "हिन्दी सेवा", "Zoe\u0308 Quill 日本"]
)
def test_a_name_of_any_signs_is_found(customer: Customer, name: str) -> None:
    """PostgreSQL reads an expression in its own way: what it refuses would stop the job."""
    Customer.objects.filter(pk=customer.pk).update(name=name)
    customer.refresh_from_db()
    for query in (name, quote_plus(name), json.dumps(name)):
        SavedView.objects.create(
            organization=customer.organization,
            owner=Member.objects.get(organization=customer.organization).user,
            noun="customers",
            name=query[:80],
            query=f"search={query}&x=1",
        )
    erase(customer)
    assert set(SavedView.objects.values_list("query", flat=True)) == {""}


def test_lines_about_something_else_lose_the_name_alone(case: Case) -> None:
    apart = AuditEntry.objects.get(action="customer.kept_apart", customer=case.twin)
    assert apart.reason == "Zéphyrine Quill"
    erase(case.customer)
    apart.refresh_from_db()
    assert (apart.reason, apart.subject_label) == ("Erased", "Another Person")
    started = AuditEntry.objects.get(action="bulk_act.started", subject_id=case.endpoint.pk)
    assert started.changes == {"query": ["", "Erased"], "total": [0, 3]}
    assert started.subject_label == str(case.endpoint)[:255]


def test_an_e_mail_that_is_on_its_way_is_waited_for(case: Case) -> None:
    """Its sender notes to whom it went, which must not come after the activity log was emptied."""
    mail: Mail = case.world.objects["mails"]
    Mail.objects.filter(pk=mail.pk).update(state="waiting", sent_at=None)
    sending = Job.objects.filter(subject_id=mail.pk).latest("created_at")
    Job.objects.filter(pk=sending.pk).update(state="running")
    asked = request_erasure(case.customer, reason="L", confirm=case.customer.external_id, by=BY, at=AT)
    assert asked is not None
    tasks.erase(str(asked.pk))
    asked.refresh_from_db()
    mail.refresh_from_db()
    assert (asked.state, asked.error) == ("queued", "An e-mail to the customer is just being sent.")
    assert mail.state == "canceled" and "phyrine" in mail.html
    Job.objects.filter(pk=sending.pk).update(state="succeeded")
    assert erase(case.customer).state == "succeeded"


def test_a_second_time_changes_nothing(case: Case) -> None:
    job = erase(case.customer)
    rows = list(AuditEntry.objects.order_by("pk").values())
    again = request_erasure(case.customer, reason="", confirm="", by=BY, at=AT + timedelta(days=1))
    assert again == job
    tasks.erase(str(job.pk))
    case.customer.refresh_from_db()
    assert case.customer.erased_at == AT and list(AuditEntry.objects.order_by("pk").values()) == rows


@pytest.mark.parametrize("broken", [name for name, _, _ in erasing.STEPS])
def test_a_job_that_was_stopped_goes_on(
    customer: Customer, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Note.objects.create(
        organization=customer.organization, customer=customer, author_label="Ada", text="Zéphyrine pays late"
    )

    def stop(_: Any) -> str:
        raise RuntimeError("killed")

    steps = tuple((name, label, stop if name == broken else work) for name, label, work in erasing.STEPS)
    job = request_erasure(customer, reason="Letter", confirm=customer.external_id, by=BY, at=AT)
    assert job is not None
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "STEPS", steps)
        tasks.erase(str(job.pk))
    job.refresh_from_db()
    customer.refresh_from_db()
    assert job.state == "failed" and customer.erased_at is None
    again = request_erasure(customer, reason="Letter", confirm=customer.external_id, by=BY, at=AT)
    assert again == job
    tasks.erase(str(job.pk))
    customer.refresh_from_db()
    assert customer.erased_at == AT and where_named() - columns_kept() == set()
    assert AuditEntry.objects.filter(action="customer.erased").count() == 1


@pytest.fixture
def customer() -> Customer:
    """A deleted one."""
    row = make_customer(
        make_organization(), name="Zéphyrine Quill", external_id="quill-1", email="q@quill.example"
    )
    delete(row)
    return row


def test_who_is_not_deleted_is_not_erased() -> None:
    row = make_customer(make_organization())
    with pytest.raises(Conflict) as refused:
        request_erasure(row, reason="Letter", confirm=row.external_id, by=BY, at=AT)
    assert refused.value.code == "customer_not_deleted" and not Job.objects.exists()
    job = request_deletion(row, by=BY, at=AT)
    Customer.objects.filter(pk=row.pk).update(deleted_at=AT)
    with pytest.raises(Conflict):
        request_erasure(row, reason="Letter", confirm=row.external_id, by=BY, at=AT)
    tasks.delete(str(job.pk))
    assert erase(row).state == "succeeded"


@pytest.mark.parametrize(
    ("reason", "confirm", "name"),
    [(" ", "quill-1", "reason"), ("x" * 501, "quill-1", "reason"), ("Letter", "quill-2", "confirm")],
)
def test_a_reason_and_the_external_id_are_wanted(
    customer: Customer, reason: str, confirm: str, name: str
) -> None:
    with pytest.raises(Invalid) as refused:
        request_erasure(customer, reason=reason, confirm=confirm, by=BY, at=AT)
    assert refused.value.field == name
    assert "quill-1" not in str(refused.value), "answers are kept in the log of the API"


@pytest.mark.parametrize("spelling", ["{0.external_id}", "{0.public_id}", "{0.pk}", " {0.external_id} "])
def test_the_id_confirms_too(customer: Customer, spelling: str) -> None:
    assert request_erasure(customer, reason="L", confirm=spelling.format(customer), by=BY, at=AT) is not None


def test_a_merged_one_is_erased_with_its_target(case: Case) -> None:
    merged = Customer.objects.get(merged_into=case.customer)
    with pytest.raises(Conflict) as refused:
        request_erasure(merged, reason="Letter", confirm=merged.external_id, by=BY, at=AT)
    assert refused.value.code == "customer_merged" and case.customer.public_id in str(refused.value)
    erase(case.customer)
    merged.refresh_from_db()
    assert merged.erased_at == AT and merged.name == f"Erased customer {merged.sequence}"


def test_checks_of_numbers_on_documents_are_kept(case: Case) -> None:
    """The invoices of January name the number; another one was only ever looked at."""
    known = VatCheck.objects.get(customer=case.customer, number__endswith="40303265045")
    other = VatCheck.objects.create(
        organization=case.organization,
        customer=case.customer,
        source="vies",
        state="invalid",
        number="DE999999999",
        asked_at=AT,
    )
    erase(case.customer)
    assert VatCheck.objects.filter(pk=known.pk).exists() and not VatCheck.objects.filter(pk=other.pk).exists()


def test_providers_forget(case: Case) -> None:
    """The id at the provider goes once the customer is deleted there: it is what deletes it."""
    erase(case.customer)
    method = PaymentMethod.objects.get(pk=case.world.objects["payment-methods"].pk)
    assert (method.holder, method.last4, method.removed_at, method.is_default) == ("", "", AT, False)
    job = Job.objects.get(subject_id=method.pk, task="invoicing.forget_method")
    assert job.label == "Remove a payment method of an erased customer at the provider"
    assert method.external_id == "pm_world", "it is what the provider is asked by"
    PaymentProvider.objects.filter(pk=method.provider_id).update(deleted_at=AT)
    forget(method.pk)
    method.refresh_from_db()
    assert method.external_id == ""
    link = ProviderLink.objects.filter(customer=case.customer).first()
    if link is None:
        link = ProviderLink.objects.create(
            organization=case.organization,
            provider=case.world.objects["payment-providers"],
            customer=case.customer,
            external_id="cus_1",
        )
    settle(link, Outcome(link.external_id, deleted=True))
    link.refresh_from_db()
    assert (link.external_id, link.state, link.sent) == ("", "deleted", {})


def test_the_trail_still_refuses_every_other_change(customer: Customer) -> None:
    entry = AuditEntry.objects.filter(customer=customer).first()
    assert entry is not None
    for permitted, change in (
        (False, {"reason": "x"}),
        (True, {"action": "x"}),
        (True, {"at": AT + timedelta(1)}),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            if permitted:
                cursor.execute("SELECT set_config('tarn.erasing', 'on', true)")
            AuditEntry.objects.filter(pk=entry.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('tarn.erasing', 'on', true)")
        cursor.execute("DELETE FROM billing_auditentry WHERE id = %s", [entry.pk])
