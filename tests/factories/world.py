"""One organization with one row of everything, for tests that walk over all addresses.

`world.objects` maps the part of an address that stands before an id (`customers/<id>`) to the row whose id belongs
there. A new address with a new noun fails the walk until its row is added here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.core.files.base import ContentFile
from PIL import Image

from billing.actions import later
from billing.actions.alerts import AlertTerms, save_alert
from billing.actions.api_keys import issue_key
from billing.actions.billing_entities import update_billing_entity
from billing.actions.clock import now
from billing.actions.coupons import apply_coupon
from billing.actions.exports import CONTENTS, start_export
from billing.actions.fixed_charges import FixedTerms, add_fixed
from billing.actions.plan_prices import PriceTerms, add_price
from billing.actions.plans import update_plan
from billing.actions.subscriptions import start_subscription
from billing.actions.top_up_schedules import ScheduleTerms, set_schedule
from billing.actions.usage import ingest
from billing.actions.wallet_opening import create_wallet, primary_wallet
from billing.actions.wallets import grant
from billing.actions.webhook_endpoints import create_endpoint, send_test
from billing.models import (
    ApiCall,
    AuditEntry,
    BillingEntity,
    ClockMove,
    Event,
    Job,
    Member,
    Organization,
    PriceChange,
    QuarantinedEvent,
    SavedView,
    SignIn,
)
from billing.queries.schedules import customer_zone
from billing.rules.periods import Interval, local_date
from billing.rules.top_up_rules import Method
from customers.actions.bulk import start_run
from customers.actions.custom_fields import create_custom_field
from customers.actions.merge import merge_customers
from customers.actions.portal import create_link
from customers.actions.statements import ask_for_statement
from customers.actions.tag_list import create_tag
from customers.forms.statement import usual_start
from customers.models import Customer, Note, VatCheck
from customers.queries.statement import statement
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.dunning_campaigns import CampaignTerms, create_campaign
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payment_requests import request_payment
from invoicing.actions.payments import record_payment
from invoicing.actions.provider_links import link_customer
from invoicing.actions.publish import store
from invoicing.actions.remittances import receive
from invoicing.actions.runs import start_run as start_invoice_run
from invoicing.actions.write_offs import undo_write_off, write_off
from invoicing.models import (
    Invoice,
    InvoiceLine,
    InvoiceReview,
    MethodSetup,
    PaymentAttempt,
    PaymentMethod,
    Refund,
    Sequence,
)
from invoicing.queries.pay_links import pay_secret
from invoicing.queries.runs import forecast as invoice_forecast
from invoicing.rules.dunning import Terms
from tests.factories.catalog import make_add_on, make_coupon, make_metric, make_plan, make_tax
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization
from tests.factories.providers import make_provider
from tests.factories.usage import event


@dataclass(frozen=True)
class World:
    """An organization, its admin, one row of each noun by address part, and an API key's secret."""

    organization: Organization
    admin: Member
    objects: dict[str, Any]
    key: str


def print_account(customer: Customer) -> None:
    """The statement that the page asks for by itself is printed already, so that looking at it changes nothing."""
    at = now(customer.organization)
    today = local_date(at, customer_zone(customer))
    row = ask_for_statement(customer, statement(customer, customer.currency, usual_start(today), today, at))
    row.pdf.save("of-a-test.pdf", ContentFile(b"%PDF-1.7 of a test"))
    Job.objects.filter(subject_id=row.pk).update(state="done")


def small_png() -> bytes:
    """A picture of 4 x 4 pixels."""
    out = BytesIO()
    Image.new("RGB", (4, 4), "#0e6f7c").save(out, "PNG")
    return out.getvalue()


def make_world(name: str) -> World:
    """Everything once, made by the real actions."""
    organization = make_organization(name)
    entity = BillingEntity.objects.get(organization=organization)
    entity = update_billing_entity(entity, {}, logo=small_png(), by=ACTOR, at=NOW)
    metric = make_metric(organization, aggregation="sum")
    plan = make_plan(organization, [metric])
    number = {"tax_id": "FR40303265045", "country": "FR"}
    customer = make_customer(organization, name=f"{name} customer", external_id=f"{name}-customer", **number)
    add_on = make_add_on(organization, f"{name}-add-on")
    price = add_price(plan, PriceTerms("JPY", 3100), by=ACTOR, at=NOW)
    terms = FixedTerms(add_on, properties={"amount": "1"}, prices={"JPY": {"amount": "100"}})
    fixed = add_fixed(plan, terms, by=ACTOR, at=NOW)
    subscription = start_subscription(customer, plan, external_id=f"{name}-subscription", by=ACTOR, at=NOW)
    update_plan(plan, {"amount_minor": plan.amount_minor + 100}, by=ACTOR, at=NOW)
    ingest(
        organization,
        [event(subscription, metric, 5, at=NOW, id=f"{name}-event"), event("nobody", metric, 1, at=NOW)],
        at=NOW,
    )
    coupon = make_coupon(organization)
    wallet = create_wallet(customer, name=f"{name} wallet", currency="EUR", rate=Decimal(1), by=ACTOR, at=NOW)
    primary_wallet(customer, by=ACTOR, at=NOW)  # so that asking for it changes nothing
    entry = grant(wallet, Decimal(10), key="first", by=ACTOR, at=NOW)
    monthly = ScheduleTerms(Interval.MONTHLY, Method.FIXED, NOW, paid_credits=Decimal(5))
    set_schedule(wallet, monthly, by=ACTOR, at=NOW)
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    line = InvoiceLine.objects.get(invoice=invoice)
    note = create_credit_note(
        invoice, [CreditItem(line, "Less", 1000)], line.tax_minor // 10, key="note", by=ACTOR, at=NOW
    )
    account = make_provider(organization, name=f"{name} account", sync_customers=False)
    payment = record_payment(invoice, amount_minor=100, key="part", by=ACTOR, at=NOW)
    write_off(invoice, kind="bad_debt", key="world", by=ACTOR, at=NOW)
    undo_write_off(invoice, by=ACTOR, at=NOW)
    transfer = receive(
        customer,
        currency="EUR",
        amount_minor=500,
        chosen={invoice.pk: 0},
        keep_rest=True,
        key="all",
        by=ACTOR,
        at=NOW,
    )
    key, secret = issue_key(organization, f"{name} key", by=ACTOR, at=NOW)
    job = later.enqueue(
        organization, "billing.nothing", key="job", label=f"{name} job", subject_id=organization.pk
    )
    Job.objects.filter(pk=job.pk).update(state="failed", error="It broke.")
    applied = apply_coupon(customer, coupon, by=ACTOR, at=NOW)
    receipt = payment.receipt
    for document in (invoice, note, receipt, transfer.receipt):
        store(document, lambda: b"%PDF-1.7 of a test")
    InvoiceReview.objects.create(organization=organization, invoice=invoice, asked_on=NOW.date())
    duplicate = make_customer(organization, name=f"{name} duplicate", external_id=f"{name}-duplicate")
    print_account(customer)
    attempt = PaymentAttempt.objects.create(
        organization=organization,
        invoice=invoice,
        customer=customer,
        provider=account,
        amount_minor=100,
        currency=invoice.currency,
        state="failed",
        reason="It was declined.",
        key="first",
    )
    asked = request_payment(
        customer, currency="EUR", key=f"{name}-request", by=ACTOR, at=NOW + timedelta(days=90)
    )
    terms = CampaignTerms(f"{name} campaign", "usual", Terms({"EUR": 1}), active=True, defaults=[entity])
    campaign = create_campaign(organization, terms, by=ACTOR, at=NOW)
    method = PaymentMethod.objects.create(
        organization=organization,
        customer=customer,
        provider=account,
        external_id="pm_world",
        holder="cus_world",
        mark="world",
        last4="4242",
        is_default=True,
    )
    refund = Refund.objects.create(
        organization=organization,
        payment=payment,
        account=account,
        amount_minor=1,
        currency=payment.currency,
        status="failed",
        failure="The card has expired.",
        refunded_at=NOW,
        key="world",
    )
    objects = {
        "customers": customer,
        "bulk": start_run(
            organization,
            Customer.objects.filter(pk=customer.pk),
            "set_status",
            "inactive",
            query="",
            token=f"{name}-run",
            by=ACTOR,
            at=NOW,
        ),
        "numbers": Sequence.objects.get(organization=organization, key=invoice.series),
        "runs": start_invoice_run(
            organization,
            Invoice.objects.filter(pk=invoice.pk),
            "archive",
            seen=invoice_forecast(Invoice.objects.filter(pk=invoice.pk), "archive", on=NOW.date()).seen,
            query="",
            token=f"{name}-archive",
            by=ACTOR,
            at=NOW,
        ),
        "views": SavedView.objects.create(
            organization=organization,
            owner=Member.objects.get(organization=organization, role="admin").user,
            noun="customers",
            name=f"{name} view",
            shared=True,
        ),
        "merges": merge_customers(duplicate, customer, by=ACTOR, at=NOW),
        "external": customer.external_id,
        "checks": VatCheck.objects.get(customer=customer),
        "changes": AuditEntry.objects.filter(subject_id=customer.pk).latest("at"),
        "tags": create_tag(organization, f"{name} tag", by=ACTOR, at=NOW),
        "custom-fields": create_custom_field(
            organization, {"name": f"{name} field", "code": "own"}, by=ACTOR, at=NOW
        ),
        "subscriptions": subscription,
        "alerts": save_alert(
            subscription,
            AlertTerms("current_usage_amount", "spend", f"{name} alert", steps=((Decimal(10**9), ""),)),
            by=ACTOR,
            at=NOW,
        ),
        "metrics": metric,
        "billable-metrics": metric,
        "plans": plan,
        "prices": price,
        "price-changes": PriceChange.objects.get(plan=plan),
        "price-currencies": "jpy",
        "add-ons": add_on,
        "fixed-charges": fixed,
        "coupons": coupon,
        "applied-coupons": applied,
        "applied": applied,
        "taxes": make_tax(organization),
        "wallets": wallet,
        "wallet-entries": entry,
        "invoices": invoice,
        "lines": line,
        "mails": send_document_mail(invoice, to=["ap@globex.example"], key=f"{name}-mail", by=ACTOR, at=NOW),
        "corrective-invoices": invoice,
        "credit-notes": note,
        "payments": payment,
        "refunds": refund,
        "payment-methods": method,
        "cards": method,
        "card-saved": MethodSetup.objects.create(
            organization=organization, customer=customer, provider=account, key="world"
        ),
        "receipts": receipt,
        "payment-receipts": receipt,
        "remittances": transfer,
        "dunning": campaign,
        "dunning-campaigns": campaign,
        "payment-requests": asked,
        "pay": asked.token,
        "pay-invoice": pay_secret(invoice),
        "payment-attempts": attempt,
        "paid": attempt,
        "payment-providers": account,
        "integrations": account,
        "provider-links": link_customer(customer, account, f"{name}-at-stripe", by=ACTOR, at=NOW),
        "charges": plan.charges.get(),
        "events": Event.objects.get(organization=organization),
        "transactions": f"{name}-event",
        "quarantine": QuarantinedEvent.objects.get(organization=organization),
        "jobs": job,
        "clock": ClockMove.objects.create(
            organization=organization, from_at=NOW, to_at=NOW + timedelta(days=1), reached_at=NOW, job=job
        ),
        "members": make_member(organization, "finance"),
        "billing-entities": entity,
        "api-keys": key,
        "api-log": ApiCall.objects.create(
            organization=organization,
            method="POST",
            path="/api/customers",
            status=201,
            request_id=f"{name}-request",
            api_key=key,
            key_label=key.name,
            address="127.0.0.1",
            duration_ms=12,
            request_body=f'{{"name":"{name} customer"}}',
        ),
        "notes": Note.objects.create(
            organization=organization,
            customer=customer,
            author=Member.objects.get(organization=organization, role="admin").user,
            author_label="Admin",
            text=f"{name} pays late",
        ),
        "exports": start_export(
            organization, CONTENTS["customers"], Customer.objects.of(organization), {}, by=ACTOR, at=NOW
        ),
        "enter": "no-such-secret",
        "portal-links": create_link(customer, days=7, by=ACTOR, at=NOW)[0],
    }
    admin = Member.objects.filter(organization=organization, role="admin").select_related("user").get()
    hook = create_endpoint(organization, f"https://{name}.example/hook", ["*"], by=ACTOR, at=NOW)[0]
    objects |= {"webhooks": hook, "deliveries": send_test(hook, by=ACTOR, at=NOW)}
    objects["sessions"] = SignIn.objects.create(user=admin.user, session_key=f"{name}-session", seen_at=NOW)
    return World(organization, admin, objects, secret)
