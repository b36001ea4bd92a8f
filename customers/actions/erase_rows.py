"""Erasing what is tied to a customer, as `rules/erasing.py` says it of each table."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast, Now

from billing.actions import later
from billing.models import Job, QuarantinedEvent, Subscription
from billing.orm.actor import Actor
from billing.rules.ids import encode
from billing.rules.states import JobState
from customers.actions.delete import counted
from customers.models import Customer, StatementFile, VatStatus
from customers.queries.erasing import Family, checks_kept, rows_of
from customers.rules.erasing import ERASED_TEXT, RANDOM, TABLES, Fate, tombstone
from invoicing.actions.payment_methods import FORGET
from invoicing.actions.payment_requests import withdraw_request
from invoicing.actions.provider_sync import wake
from invoicing.clients import mailbox
from invoicing.models import Invoice, Mail, PaymentMethod, PaymentRequest, ProviderLink
from invoicing.models.mail import MailState
from invoicing.models.provider import LinkState

# These have steps of their own: they look at what the columns say, or at more than their own table.
APART = {"customers.Customer", "billing.AuditEntry", "invoicing.Mail"}
PROVIDERS = ("invoicing.ProviderLink", "invoicing.PaymentMethod", "invoicing.MethodSetup")


def blanks(label: str) -> dict[str, Any]:
    """The columns of a table that are emptied, as an update takes them."""
    values: dict[str, Any] = {"updated_at": Now()}
    for name, value in TABLES[label].put.items():
        values[name] = Cast(RandomUUID(), models.CharField()) if value is RANDOM else value
    return values


def empty(label: str, family: Family) -> int:
    """Empty a table's columns; how many rows."""
    count: int = rows_of(label, family).update(**blanks(label))
    return count


@transaction.atomic
def end_requests(family: Family, *, by: Actor, at: datetime) -> str:
    """Open payment requests are taken back. What is due of their invoices stays due."""
    rows = list(PaymentRequest.objects.filter(customer__in=family.pks).open().order_by("pk"))
    for row in rows:
        withdraw_request(row, by=by, at=at)
    return joined(counted(len(rows), "request taken back", "requests taken back"))


def empty_mails(family: Family) -> str:
    """E-mails are emptied, also in the local mailbox, and those that wait are not sent. Raises `later.TryAgain` while
    one is on its way: its sender would still note to whom it went.
    """
    waiting = Mail.objects.filter(customer__in=family.pks, state=MailState.WAITING)
    waiting.update(state=MailState.CANCELED)
    mine = rows_of("invoicing.Mail", family).values("pk")
    if Job.objects.filter(subject_id__in=mine, state=JobState.RUNNING.value).exists():
        raise later.TryAgain("An e-mail to the customer is just being sent.", after=timedelta(seconds=15))
    mails = empty("invoicing.Mail", family)
    keys = rows_of("invoicing.Mail", family).values_list("pk", flat=True)
    named = {encode(Mail.PREFIX, key) for key in keys}
    if settings.LOCAL_MAILBOX and named:
        transaction.on_commit(lambda: mailbox.drop(Path(settings.EMAIL_FILE_PATH), named))
    return joined(counted(mails, "e-mail", "e-mails"))


@transaction.atomic
def empty_providers(family: Family, *, at: datetime) -> str:
    """Saved methods are charged no more and providers asked to forget them; links lose what was told. A link keeps
    the provider's id until the customer is deleted there: it is what deletes it.
    """
    methods = PaymentMethod.objects.filter(customer__in=family.pks)
    for method in methods.saved().order_by("pk"):
        later.enqueue(
            family.customer.organization,
            FORGET,
            key=f"forget:{method.pk}",
            label="Remove a payment method of an erased customer at the provider",
            subject_id=method.pk,
        )
    methods.filter(removed_at__isnull=False).update(external_id="")  # these were forgotten there before
    methods.saved().update(removed_at=at, is_default=False)
    links = ProviderLink.objects.filter(customer__in=family.pks)
    for label in PROVIDERS:
        empty(label, family)
    for link in links.exclude(state=LinkState.DELETED).order_by("pk"):
        wake(link)
    return joined(
        counted(methods.count(), "payment method", "payment methods"),
        counted(links.count(), "account", "accounts"),
    )


@transaction.atomic
def empty_tables(family: Family) -> str:
    """Every other table that is tied to the customer, by what the rule says of it."""
    emptied = removed = 0
    for statement in StatementFile.objects.filter(customer__in=family.pks).exclude(pdf=""):
        statement.pdf.storage.delete(str(statement.pdf.name))
    unbilled = Subscription.objects.filter(customer__in=family.pks).values("external_id")
    unissued = Invoice.objects.filter(
        customer__in=family.pks, number=""
    )  # no documents, though they are kept
    unissued.update(
        customer_name=ERASED_TEXT, buyer={}, custom_fields=[], metadata={}, notes="", purchase_order=""
    )
    loose = QuarantinedEvent.objects.of(family.customer.organization_id).filter(subscription=None)
    loose.filter(external_subscription_id__in=unbilled).delete()
    for label, table in TABLES.items():
        if label in APART or label in PROVIDERS or not table.ties:
            continue
        if table.fate == Fate.ERASED:
            emptied += empty(label, family)
        elif table.fate == Fate.REMOVED:
            rows = rows_of(label, family)
            if label == "customers.VatCheck":
                rows = rows.exclude(pk__in=checks_kept(family))
            removed += rows.delete()[0]
    return joined(
        counted(removed, "row removed", "rows removed"),
        counted(emptied, "row emptied", "rows emptied"),
    )


def forget_ids(family: Family) -> None:
    """The ids at providers where the customer is deleted, or can no longer be; those of others go when it is done.
    The links are locked, so that no answer of a provider is missed: it comes before this or sees that all is erased.
    """
    links = ProviderLink.objects.filter(customer__in=family.pks)
    list(links.locked())
    over = links.filter(Q(state=LinkState.DELETED) | Q(provider__deleted_at__isnull=False))
    ProviderLink.objects.filter(pk__in=over.values("pk")).update(external_id="")


def empty_customer(customer: Customer, *, at: datetime) -> None:
    """The customer's own row. Its values of own fields follow by a trigger."""
    values = {name: value for name, value in TABLES["customers.Customer"].put.items() if value is not RANDOM}
    for name, value in values.items():
        setattr(customer, name, value)
    customer.name = tombstone(customer.sequence)
    customer.external_id = customer.public_id
    customer.vat_status = VatStatus.UNVALIDATED
    customer.erased_at = at
    customer.save(update_fields=[*values, "external_id", "vat_status", "erased_at", "updated_at"])


def joined(*parts: str) -> str:
    """What came of a step."""
    return ", ".join(part for part in parts if part) or "Nothing to do"
