"""/api/wallets: making, changing and ending them, and a customer's primary one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast

from django.db import transaction
from django.http import HttpRequest
from ninja import Query
from pydantic import AwareDatetime

from billing.actions.clock import now
from billing.actions.wallet_opening import create_wallet, primary_wallet, usual_terms
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.models import Metric, Organization
from billing.queries.shapes import WalletOut
from billing.rules.amounts import exact_minor
from billing.rules.errors import Invalid
from billing.rules.money import is_currency
from billing.rules.states import WalletStatus
from billing.rules.words import Words, id_of, word_of
from billing.web.api import ApiRequest, ApiSchema, envelope, named
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.api.lookup import present_customer
from customers.api.router import router as customers
from customers.api.subscriptions import find_customer
from customers.api.wallet_credits import TopUpIn, add_credits
from customers.api.wallet_rows import answer, router, rows_of, shown
from invoicing.actions.wallet_settling import end_wallet

# Amounts in major units, and the columns that keep them in minor ones.
AMOUNTS = {
    "credit_limit": "credit_limit_minor",
    "max_balance": "max_balance_minor",
    "max_single_credit": "max_single_credit_minor",
    "low_balance_threshold": "low_balance_minor",
    "auto_topup_amount": "auto_top_up_minor",
}
NAMED = {column: name for name, column in AMOUNTS.items()} | {
    "expires_at": "expiration_at",
    "auto_top_up_enabled": "auto_topup_enabled",
    "fee_types": "applies_to.fee_types",
    "metric_ids": "applies_to.billable_metric_codes",
}


class WalletAppliesTo(ApiSchema):
    """What the wallet pays for: fee types (subscription, charge, fixed_charge, commitment) and codes of billable
    metrics; a match of either is enough. What is not given stays; both empty: everything.
    """

    fee_types: list[str] | None = None
    billable_metric_codes: list[str] | None = None


class Limits(ApiSchema):
    """What it pays for (null: everything), limits and the automatic top-up, in major units; null does not limit."""

    credit_limit: Decimal | None = None
    max_balance: Decimal | None = None
    max_single_credit: Decimal | None = None
    low_balance_threshold: Decimal | None = None
    auto_topup_enabled: bool = False
    auto_topup_amount: Decimal | None = None
    applies_to: WalletAppliesTo | None = None


class WalletIn(Limits):
    """A new wallet, with its first credits if wanted. Limits that are not given are the customer's defaults."""

    customer_id: str
    name: str = ""
    currency: str | None = None
    rate_amount: Decimal = Decimal(1)
    priority: int = 50
    expiration_at: AwareDatetime | None = None
    granted_credits: Decimal | None = None
    paid_credits: Decimal | None = None


class WalletChanges(Limits):
    """What changes; what is not given stays. The mode is the customer's: POST /customers/{id}/mode changes it."""

    name: str | None = None
    priority: int | None = None
    expiration_at: AwareDatetime | None = None
    mode: str | None = None


class Filters(ListQuery):
    """What a list can be narrowed to."""

    SORTS: ClassVar = {
        "createdAt": "created_at",
        "updatedAt": "updated_at",
        "name": "name",
        "balance": "balance_minor",
    }

    customer_id: str | None = None
    status: Annotated[str | None, Words(*WalletStatus)] = None
    currency: str | None = None
    is_primary: bool | None = None
    auto_topup_enabled: bool | None = None


def columns(body: Limits, currency: str, organization: Organization) -> dict[str, Any]:
    """The given terms by column, amounts in minor units."""
    given = body.model_dump(exclude_unset=True)
    found: dict[str, Any] = {}
    for name, column in AMOUNTS.items():
        if name in given:
            amount = given[name]
            found[column] = None if amount is None else exact_minor(amount, currency, field=name)
    if "credit_limit_minor" in found:
        found["credit_limit_minor"] = found["credit_limit_minor"] or 0
    if "auto_topup_enabled" in given:
        found["auto_top_up_enabled"] = given["auto_topup_enabled"]
    if "expiration_at" in given:
        found["expires_at"] = given["expiration_at"]
    for name in ("name", "priority"):
        if given.get(name) is not None:
            found[name] = given[name]
    if "applies_to" in body.model_fields_set:
        found |= limits(body.applies_to, organization)
    return found


def limits(given: WalletAppliesTo | None, organization: Organization) -> dict[str, Any]:
    """The columns of what a wallet pays for. A code that is not there is refused by name."""
    if given is None:
        return {"fee_types": (), "metric_ids": ()}
    found: dict[str, Any] = {}
    if "fee_types" in given.model_fields_set:
        found["fee_types"] = tuple(name.strip().lower() for name in given.fee_types or ())
    if "billable_metric_codes" in given.model_fields_set:
        codes = set(given.billable_metric_codes or ())
        rows = dict(Metric.objects.of(organization).kept().filter(code__in=codes).values_list("code", "pk"))
        if missing := sorted(codes - rows.keys()):
            raise Invalid(f"There is no billable metric {missing[0]}.", field="metric_ids")
        found["metric_ids"] = tuple(rows.values())
    return found


@customers.get("/{id}/wallet", tags=["Wallets"])
def get_primary_wallet(request: HttpRequest, id: str) -> Object[WalletOut]:
    """The customer's primary wallet. It is opened with the customer, empty and with the customer's defaults; it locks
    neither external ID nor currency before credits are booked or sold.
    """
    staff = cast(ApiRequest, request)
    customer = present_customer(staff, id)
    return answer(staff, primary_wallet(customer, by=staff.actor, at=now(staff.organization)))


@router.get("")
def list_wallets(request: HttpRequest, filters: Query[Filters]) -> Listing[WalletOut]:
    """Newest first. `currency` takes several codes, separated by commas."""
    rows = rows_of(cast(ApiRequest, request))
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    if filters.status:
        rows = rows.filter(status=word_of(filters.status, WalletStatus, "status"))
    if filters.currency:
        rows = rows.filter(currency__in=[code.strip().upper() for code in filters.currency.split(",")])
    if filters.is_primary is not None:
        rows = rows.filter(is_primary=filters.is_primary)
    if filters.auto_topup_enabled is not None:
        rows = rows.filter(auto_top_up_enabled=filters.auto_topup_enabled)
    return listed(request, rows, shown, filters)


@router.post("", response={201: dict[str, Any]})
def add_wallet(request: HttpRequest, body: WalletIn) -> tuple[int, Object[WalletOut]]:
    """A wallet; all or nothing with its first credits."""
    staff = cast(ApiRequest, request)
    at = now(staff.organization)
    customer = find_customer(staff, body.customer_id)
    if not 1 <= body.priority <= 50:
        raise Invalid("Use a priority from 1 to 50.", field="priority")
    currency = (body.currency or customer.currency).upper()
    with named(rate="rate_amount", **NAMED), transaction.atomic():
        if not is_currency(currency):
            raise Invalid("Use an ISO 4217 currency code such as EUR.", field="currency")
        row = create_wallet(
            customer,
            currency=currency,
            rate=body.rate_amount,
            terms=replace(usual_terms(customer, currency), **columns(body, currency, staff.organization)),
            by=staff.actor,
            at=at,
        )
        first = TopUpIn(granted_credits=body.granted_credits, paid_credits=body.paid_credits)
        add_credits(staff, row, first, at)
    return 201, answer(staff, row)


@router.get("/{id}")
def get_wallet(request: HttpRequest, id: str) -> Object[WalletOut]:
    """One wallet."""
    return envelope(shown(rows_of(cast(ApiRequest, request)).by_public_id(id)))


@router.patch("/{id}")
def change_wallet(request: HttpRequest, id: str, body: WalletChanges) -> Object[WalletOut]:
    """Change name, priority, expiry, what it pays for, limits and automatic top-up; only what is given."""
    staff = cast(ApiRequest, request)
    row = rows_of(staff).by_public_id(id)
    if "mode" in body.model_fields_set:
        text = "The mode is the customer's: change it by POST /customers/{id}/mode, with a reason."
        raise Invalid(text, code="mode_has_its_own_door", field="mode")
    with named(**NAMED):
        terms = replace(terms_of(row), **columns(body, row.currency, staff.organization))
        edit_wallet(row, terms, by=staff.actor, at=now(staff.organization))
    return answer(staff, row)


@router.delete("/{id}")
def terminate(request: HttpRequest, id: str) -> Object[WalletOut]:
    """Terminate it: what is left is voided by an entry, what is owed on it is billed."""
    staff = cast(ApiRequest, request)
    row = rows_of(staff).by_public_id(id)
    end_wallet(row, by=staff.actor, at=now(staff.organization))
    return answer(staff, row)
