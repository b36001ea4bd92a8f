"""Many customers with what makes a list slow: tags, own fields, subscriptions, invoices and wallets."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.bench.place import Place

# fmt: off
FIRST = ("Nord", "Sued", "Blue", "Green", "Alpha", "Delta", "Omega", "Prime", "Bright", "Quick", "Grand", "Urban",
         "Metro", "Solar", "Lunar", "Terra")
SECOND = ("Water", "Steel", "Paper", "Cloud", "Media", "Food", "Farm", "Trade", "Logistics", "Energy", "Health",
          "Motor", "Textile", "Bank", "Data")
THIRD = ("GmbH", "Ltd", "SA", "Inc", "BV", "Group", "Oy", "AB", "Holding", "Partners")
# fmt: on
RARE = "Zyxomma"  # one customer in 20,000
COUNTRIES, CURRENCIES = ("DE", "FR", "GB", "US", "NG", "JP", "UG", "SE"), ("EUR", "USD", "JPY", "UGX")
RARE_COUNTRY = "IS"
TAGS = {"Reseller": 10, "VIP": 15, "Pilot": 25_000}  # every how many customers have it
COLUMNS = (
    "id, organization_id, created_at, updated_at, billing_entity_id, sequence, external_id, name, customer_type,"
    " first_name, last_name, status, email, phone, url, currency, timezone, locale, legal_name, legal_number,"
    " tax_id, address_line1, address_line2, postal_code, city, state, country, shipping_line1, shipping_line2,"
    " shipping_postal_code, shipping_city, shipping_state, shipping_country, preferred_provider, metadata,"
    " search_text, search_grams, tag_ids, custom_fields, vat_status, billing_model, mode, peppol_id, einvoice_email,"
    " prefer_einvoice, vat_validation_disabled, vat_validation_disabled_reason, disabled_providers,"
    " default_auto_top_up_enabled, tax_identifiers"
)
FILLED = (
    "customers_customer",
    "customers_ownvalue",
    "billing_subscription",
    "billing_wallet",
    "billing_walletentry",
    "billing_walletlot",
    "invoicing_invoice",
    "invoicing_outstanding",
)


def load(place: Place, organization: Any, count: int) -> None:
    """Copy rows in as `add_customer` would write them; one in ten has an active subscription."""
    from billing.models import BillingEntity
    from customers.models import Customer, CustomField, Tag

    there = Customer.objects.filter(organization=organization).count()
    entity = BillingEntity.objects.get(organization=organization)
    dice = random.Random(7)
    started = time.monotonic()
    tags = {name: Tag.objects.get_or_create(organization=organization, name=name)[0].pk for name in TAGS}
    for code, kind, choices in (
        ("segment", "choice", ["SMB", "Enterprise", "Public"]),
        ("seats", "number", []),
    ):
        known = {"name": code.capitalize(), "kind": kind, "choices": choices}
        CustomField.objects.get_or_create(organization=organization, code=code, defaults=known)
    with psycopg.connect(place.stack.database_url, autocommit=True) as connection:
        later = without_large_indexes(connection) if count - there > 50_000 else []
        with connection.cursor().copy(f"COPY customers_customer ({COLUMNS}) FROM STDIN") as into:
            for number in range(there + 1, count + 1):
                into.write_row(row(number, organization, entity, dice, tags))
        for definition in later:
            connection.execute(definition)
        subscribe(connection, organization)
        owe(connection, organization)
        owe_more(connection, organization)
        fill_wallets(connection, organization)
        for table in FILLED:
            connection.execute(f"VACUUM ANALYZE {table}")  # type: ignore[arg-type]
    place.report.say(f"\n  {count - there:,} customers loaded in {time.monotonic() - started:.0f} s")


def without_large_indexes(connection: Any) -> list[str]:
    """Drops the inverted indexes, which are built faster than filled; returns how to make them again."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'customers_customer' AND indexdef LIKE '%gin%'"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("SET maintenance_work_mem = '512MB'")
    return [definition for _, definition in found]


def row(number: int, organization: Any, entity: Any, dice: random.Random, tags: dict[str, Any]) -> list[Any]:
    """The values of one customer, in the order of COLUMNS."""
    from billing.orm.fields import new_id
    from billing.orm.search import search_columns

    words = [dice.choice(FIRST), dice.choice(SECOND), str(dice.randrange(10_000)), dice.choice(THIRD)]
    name = " ".join([RARE, *words] if number % 20_000 == 77 else words)
    external_id, email = f"cust-{number}", f"office{number}@{words[0].lower()}-{words[1].lower()}.example"
    tax_id, phone = f"DE{number:09}", f"+49301{number:07}"
    own = [name for name, every in TAGS.items() if number % every == 0]
    found = search_columns(name, email, external_id, tax_id, phone, *own)
    country = RARE_COUNTRY if number % 20_000 == 99 else dice.choice(COUNTRIES)
    segment = "Public" if number % 20_000 == 55 else ("SMB", "Enterprise")[number % 2]
    fields = json.dumps({"segment": segment, "seats": number % 1000})
    created = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=number * 37)
    texts = [""] * 5
    return [
        new_id(), organization.pk, created, created, entity.pk, number, external_id, name,
        "business" if number % 7 else "consumer", "", "", "active" if number % 9 else "inactive", email, phone, "",
        dice.choice(CURRENCIES), "", "", *texts[:2], tax_id, "Main street 1", "", "12345", "Somewhere", "", country,
        *texts, "", "", "{}", found["search_text"], found["search_grams"], [tags[name] for name in own], fields,
        "invalid" if number % 5_000 == 3 else "valid", "postpaid", "prepaid" if number % 3 else "postpaid", "", "",
        False, False, "", [], False, "{}",
    ]  # fmt: skip


def subscribe(connection: Any, organization: Any) -> None:
    """Every tenth customer gets an active subscription to one plan."""
    from billing.models import Plan
    from tests.factories.catalog import make_plan

    plan = Plan.objects.filter(organization=organization).first() or make_plan(organization)
    connection.execute(
        """
        INSERT INTO billing_subscription (id, organization_id, created_at, updated_at, customer_id, plan_id,
            external_id, name, status, billing_time, subscription_at, started_at, next_billing_at, metadata, currency,
            amount_minor)
        SELECT uuidv7(), organization_id, now(), now(), id, %s, 'sub-' || sequence, '', 'active', 'calendar',
            now() - interval '1 day', now() - interval '1 day', now() + interval '300 days', '{}', %s, %s
        FROM customers_customer AS customer WHERE organization_id = %s AND sequence %% 10 = 0
        AND NOT EXISTS (SELECT FROM billing_subscription WHERE customer_id = customer.id)
        """,
        [plan.pk, plan.currency, plan.amount_minor, organization.pk],
    )


def owe(connection: Any, organization: Any) -> None:
    """Every fifth customer has an invoice, two in three of them are unpaid, some of those are overdue."""
    connection.execute(
        """
        INSERT INTO invoicing_invoice (id, organization_id, created_at, updated_at, billing_entity_id, customer_id,
            type, status, payment_status, number, currency, timezone, locale, issuing_on, due_on, customer_name,
            net_payment_term_days, lines_minor, coupons_minor, taxes_minor, credit_notes_minor,
            wallet_credits_minor, total_minor, paid_minor, reverse_charge, custom_fields, seller, buyer,
            purchase_order, notes, metadata, pdf, pdf_state, void_pdf, void_pdf_state, finalized_at,
            void_reason)
        SELECT uuidv7(), organization_id, now(), now(), billing_entity_id, id, 'one_off', 'finalized',
            CASE WHEN sequence % 3 = 0 THEN 'paid' ELSE 'pending' END, 'INV-' || lpad(sequence::text, 7, '0'),
            currency, 'UTC', 'en', current_date - 20, current_date - 10 + (sequence % 4)::int * 5, name,
            14, amount, 0, 0, 0, 0, amount, CASE WHEN sequence % 3 = 0 THEN amount ELSE 0 END, false, '[]', '{}',
            '{}', '', '', '{}', '', 'none', '', 'none', now(), ''
        FROM (SELECT *, (sequence % 1000) * 100 AS amount FROM customers_customer) AS customer
        WHERE organization_id = %(organization)s AND sequence % 5 = 0
        AND NOT EXISTS (SELECT FROM invoicing_invoice WHERE customer_id = customer.id)
        """.replace(" % ", " %% "),
        {"organization": organization.pk},
    )


def owe_more(connection: Any, organization: Any) -> None:
    """Every 25th customer has four further invoices, all unpaid, issued over the last months."""
    connection.execute(
        """
        INSERT INTO invoicing_invoice (id, organization_id, created_at, updated_at, billing_entity_id, customer_id,
            type, status, payment_status, number, currency, timezone, locale, issuing_on, due_on, customer_name,
            net_payment_term_days, lines_minor, coupons_minor, taxes_minor, credit_notes_minor,
            wallet_credits_minor, total_minor, paid_minor, reverse_charge, custom_fields, seller, buyer,
            purchase_order, notes, metadata, pdf, pdf_state, void_pdf, void_pdf_state, finalized_at,
            void_reason)
        SELECT uuidv7(), organization_id, now(), now(), billing_entity_id, id, 'one_off', 'finalized', 'pending',
            'MORE-' || month || '-' || lpad(sequence::text, 7, '0'), currency, 'UTC', 'en',
            current_date - month * 30, current_date - month * 30 + 45, name, 14, 2500, 0, 0, 0, 0, 2500, 0, false,
            '[]', '{}', '{}', '', '', '{}', '', 'none', '', 'none', now(), ''
        FROM customers_customer AS customer, generate_series(1, 4) AS month
        WHERE organization_id = %(organization)s AND sequence %% 25 = 0
        AND NOT EXISTS (SELECT FROM invoicing_invoice WHERE customer_id = customer.id AND number LIKE 'MORE-%%')
        """,
        {"organization": organization.pk},
    )


def fill_wallets(connection: Any, organization: Any) -> None:
    """Every customer has its primary wallet, every 40th a second one with a name; every third holds credits, most of
    the others were never used.
    """
    connection.execute(
        """
        INSERT INTO billing_wallet (id, organization_id, created_at, updated_at, customer_id, name, currency, rate,
            priority, status, balance_minor, credits_balance, is_primary, credit_limit_minor, low_balance_minor,
            auto_top_up_enabled, untouched, fee_types, metric_ids)
        SELECT uuidv7(), organization_id, customer.created_at, customer.created_at, id, kind.name, currency, 1, 50,
            'active', CASE WHEN sequence %% 3 = 0 THEN sequence %% 997 ELSE 0 END,
            CASE WHEN sequence %% 3 = 0 THEN sequence %% 997 ELSE 0 END, kind.name = '', 0,
            CASE WHEN sequence %% 1000 = 3 THEN 500 END, false,
            kind.name = '' AND NOT (sequence %% 3 = 0 AND sequence %% 997 > 0), '{}', '{}'
        FROM customers_customer AS customer, (VALUES (''), ('Marketing'), ('Zebra')) AS kind (name)
        WHERE organization_id = %(organization)s
        AND (kind.name = '' OR (kind.name = 'Marketing' AND sequence %% 40 = 0)
            OR (kind.name = 'Zebra' AND sequence %% 20000 = 11))
        AND NOT EXISTS (SELECT FROM billing_wallet WHERE customer_id = customer.id)
        """,
        {"organization": organization.pk},
    )
    connection.execute(
        """
        WITH entry AS (
            INSERT INTO billing_walletentry (id, organization_id, created_at, updated_at, wallet_id, kind, credits,
                amount_minor, balance_after_minor, reason, key, at)
            SELECT uuidv7(), organization_id, created_at, updated_at, id, 'granted', balance_minor, balance_minor,
                balance_minor, '', 'bench', created_at
            FROM billing_wallet AS wallet WHERE organization_id = %(organization)s AND balance_minor > 0
            AND NOT EXISTS (SELECT FROM billing_walletentry WHERE wallet_id = wallet.id)
            RETURNING *
        )
        INSERT INTO billing_walletlot (id, organization_id, created_at, updated_at, wallet_id, entry_id, promotional,
            remaining_minor, expires_at)
        SELECT uuidv7(), organization_id, created_at, updated_at, wallet_id, id, amount_minor %% 2 = 0, amount_minor,
            CASE WHEN amount_minor %% 5 = 0 THEN now() + interval '90 days' END FROM entry
        """,
        {"organization": organization.pk},
    )
