"""Customers, and what belongs to them."""

from __future__ import annotations

from typing import AsyncIterator, Mapping, Optional, Sequence

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import (
    CustomerChanges,
    CustomerQuery,
    CustomFieldChanges,
    NewCustomer,
    NewCustomField,
    NewTag,
    NewTransfer,
    PageQuery,
    TagChanges,
)
from ..fields.base import Moment
from ..types import (
    Customer,
    CustomField,
    Deletion,
    Invoice,
    PaginatedResponse,
    Payment,
    Record,
    Subscription,
    Tag,
    Usage,
    VatVerification,
    Wallet,
)
from .resource import AsyncResource


class AsyncCustomersResource(AsyncResource):
    """`client.customers`"""

    async def create(
        self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCustomer]
    ) -> Customer:
        """A new customer. An external id that exists updates that customer; an e-mail address that another customer
        has raises ConflictError.
        """
        return await self._call(Customer, "POST", "/customers", body=fields, idempotency_key=idempotency_key)

    async def create_many(
        self, customers: Sequence[NewCustomer], *, idempotency_key: Optional[str] = None
    ) -> Record:
        """Up to 100, each as `create` takes it: `results` says what became of each. One that is wrong rejects no
        other.
        """
        body = {"customers": list(customers)}
        return await self._call(Record, "POST", "/customers/bulk", body=body, idempotency_key=idempotency_key)

    async def get(self, customer_id: str) -> Customer:
        """One customer."""
        return await self._call(Customer, "GET", path("/customers/{}", customer_id))

    async def get_by_external_id(self, external_id: str) -> Customer:
        """The customer that a payment provider knows under this id, else the one with this external id."""
        return await self._call(Customer, "GET", path("/customers/external/{}", external_id))

    async def update(
        self, customer_id: str, *, if_match: Optional[str] = None, **fields: Unpack[CustomerChanges]
    ) -> Customer:
        """Change the given fields. `metadata` is replaced whole."""
        place = path("/customers/{}", customer_id)
        return await self._call(Customer, "PATCH", place, body=fields, if_match=if_match)

    async def list(self, **query: Unpack[CustomerQuery]) -> PaginatedResponse[Customer]:
        """A page of customers, newest first unless sorted otherwise."""
        return await self._list(Customer, "/customers", query)

    def iterate(self, **query: Unpack[CustomerQuery]) -> AsyncIterator[Customer]:
        """All customers that the query finds, over all pages."""
        return self._walk(Customer, "/customers", query)

    async def delete(self, customer_id: str, *, unpaid_invoices: Optional[str] = None) -> Deletion:
        """Delete it for good: subscriptions end, unpaid invoices are voided (or stay: `unpaid_invoices="keep"`).
        The work goes on in the background.
        """
        query = {"unpaid_invoices": unpaid_invoices}
        return await self._call(Deletion, "DELETE", path("/customers/{}", customer_id), query=query)

    async def preview_deletion(self, customer_id: str, *, unpaid_invoices: Optional[str] = None) -> Record:
        """What deleting it would do now."""
        place, query = (
            path("/customers/{}/deletion-preview", customer_id),
            {"unpaid_invoices": unpaid_invoices},
        )
        return await self._call(Record, "GET", place, query=query)

    async def erasure(self, customer_id: str) -> Record:
        """What erasing its personal data removes and what stays, and how far it is."""
        return await self._call(Record, "GET", path("/customers/{}/erasure", customer_id))

    async def erase(
        self,
        customer_id: str,
        *,
        reason: str,
        confirm: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """Erase the personal data of a deleted customer, for good; documents stay. `confirm` is its external id, or
        else its id once more. The work goes on in the background.
        """
        body = given(reason=reason, confirm=customer_id if confirm is None else confirm)
        place = path("/customers/{}/erase", customer_id)
        return await self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    async def merge(
        self,
        *,
        source_customer_id: str,
        target_customer_id: str,
        strategy: Optional[str] = None,
        fields: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """Put a duplicate together with the customer that stays."""
        body = given(
            source_customer_id=source_customer_id,
            target_customer_id=target_customer_id,
            strategy=strategy,
            fields=fields,
        )
        return await self._call(
            Record, "POST", "/customers/merge", body=body, idempotency_key=idempotency_key
        )

    # --- What belongs to a customer
    async def get_subscriptions(
        self, customer_id: str, **query: Unpack[PageQuery]
    ) -> PaginatedResponse[Subscription]:
        """Its subscriptions, newest first."""
        return await self._list(Subscription, path("/customers/{}/subscriptions", customer_id), query)

    async def get_invoices(self, customer_id: str, **query: Unpack[PageQuery]) -> PaginatedResponse[Invoice]:
        """Its invoices, newest first."""
        return await self._list(Invoice, path("/customers/{}/invoices", customer_id), query)

    async def get_payments(self, customer_id: str, **query: Unpack[PageQuery]) -> PaginatedResponse[Payment]:
        """Its payments, newest first."""
        return await self._list(Payment, path("/customers/{}/payments", customer_id), query)

    async def receive_payment(
        self, customer_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewTransfer]
    ) -> Record:
        """One transfer that pays several invoices; what is left stays on account or goes to a wallet."""
        place = path("/customers/{}/payments", customer_id)
        return await self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    async def get_wallet(self, customer_id: str) -> Wallet:
        """Its primary wallet."""
        return await self._call(Wallet, "GET", path("/customers/{}/wallet", customer_id))

    async def get_usage(self, customer_id: str) -> PaginatedResponse[Usage]:
        """The usage of the running period, per subscription; `meta.amount` is the sum."""
        return await self._list(Usage, path("/customers/{}/usage", customer_id), {})

    async def get_past_usage(
        self,
        customer_id: str,
        *,
        subscription_id: Optional[str] = None,
        page: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> PaginatedResponse[Usage]:
        """The usage of periods that were billed, the newest first."""
        query = {"subscription_id": subscription_id, "page": page, "limit": limit}
        return await self._list(Usage, path("/customers/{}/usage/past", customer_id), query)

    async def get_statement(self, customer_id: str) -> Record:
        """What is open, by age."""
        return await self._call(Record, "GET", path("/customers/{}/statement", customer_id))

    async def create_portal_link(
        self,
        customer_id: str,
        *,
        expires_in_days: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """A link (`url`) with which the customer sees invoices and usage without signing in."""
        place, body = path("/customers/{}/portal-link", customer_id), given(expires_in_days=expires_in_days)
        return await self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    # --- Classification and providers
    async def set_type(
        self, customer_id: str, *, customer_type: str, reason: str, idempotency_key: Optional[str] = None
    ) -> Customer:
        """business, consumer or unknown, and why. It looks forward only: issued invoices stay."""
        place, body = (
            path("/customers/{}/type", customer_id),
            {"customer_type": customer_type, "reason": reason},
        )
        return await self._call(Customer, "POST", place, body=body, idempotency_key=idempotency_key)

    async def set_mode(
        self, customer_id: str, *, mode: str, reason: str, idempotency_key: Optional[str] = None
    ) -> Customer:
        """prepaid or postpaid, and why. No balance moves."""
        place, body = path("/customers/{}/mode", customer_id), {"mode": mode, "reason": reason}
        return await self._call(Customer, "POST", place, body=body, idempotency_key=idempotency_key)

    async def set_payment_providers(
        self,
        customer_id: str,
        *,
        preferred_provider: Optional[str] = None,
        disabled_providers: Sequence[str] = (),
    ) -> Customer:
        """Which provider is asked first, and which never."""
        body = {"preferred_provider": preferred_provider, "disabled_providers": list(disabled_providers)}
        return await self._call(
            Customer, "PATCH", path("/customers/{}/payment-providers", customer_id), body=body
        )

    # --- VAT numbers
    async def verify_vat(self, customer_id: str, *, idempotency_key: Optional[str] = None) -> Customer:
        """Check the VAT number now."""
        place = path("/customers/{}/vat/verify", customer_id)
        return await self._call(Customer, "POST", place, idempotency_key=idempotency_key)

    async def override_vat(
        self,
        customer_id: str,
        *,
        reason: str,
        ttl_days: Optional[int] = None,
        expires_at: Optional[Moment] = None,
        idempotency_key: Optional[str] = None,
    ) -> Customer:
        """Take the number as valid by hand, for a time."""
        place = path("/customers/{}/vat/override", customer_id)
        body = given(reason=reason, ttl_days=ttl_days, expires_at=expires_at)
        return await self._call(Customer, "POST", place, body=body, idempotency_key=idempotency_key)

    async def clear_vat_override(self, customer_id: str) -> Customer:
        """Give up what was decided by hand."""
        return await self._call(Customer, "DELETE", path("/customers/{}/vat/override", customer_id))

    async def get_vat_verifications(
        self, customer_id: str, **query: Unpack[PageQuery]
    ) -> PaginatedResponse[VatVerification]:
        """All looks at the number, newest first."""
        return await self._list(VatVerification, path("/customers/{}/vat/verifications", customer_id), query)

    # --- Cards and accounts that are charged automatically
    async def get_payment_methods(
        self, customer_id: str, **query: Unpack[PageQuery]
    ) -> PaginatedResponse[Record]:
        """What can be charged."""
        return await self._list(Record, path("/customers/{}/payment-methods", customer_id), query)

    async def set_up_payment_method(
        self, customer_id: str, *, callback_url: Optional[str] = None, idempotency_key: Optional[str] = None
    ) -> Record:
        """A page of the provider (`url`) where the customer leaves a card."""
        place, body = (
            path("/customers/{}/payment-methods/setup", customer_id),
            given(callback_url=callback_url),
        )
        return await self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    async def set_default_payment_method(
        self, customer_id: str, method_id: str, *, idempotency_key: Optional[str] = None
    ) -> Record:
        """The one that is charged from now on."""
        place = path("/customers/{}/payment-methods/{}/default", customer_id, method_id)
        return await self._call(Record, "POST", place, idempotency_key=idempotency_key)

    async def delete_payment_method(self, customer_id: str, method_id: str) -> None:
        """It is not charged any more."""
        await self._call(Record, "DELETE", path("/customers/{}/payment-methods/{}", customer_id, method_id))

    # --- Dunning
    async def get_dunning(self, customer_id: str) -> Record:
        """Which campaign asks the customer for money, and how far it is."""
        return await self._call(Record, "GET", path("/customers/{}/dunning", customer_id))

    async def set_dunning_campaign(self, customer_id: str, *, campaign_id: Optional[str]) -> Record:
        """Another campaign by id or code; None: that of the billing entity."""
        place = path("/customers/{}/dunning", customer_id)
        return await self._call(Record, "PATCH", place, body={"campaign_id": campaign_id})

    async def stop_dunning(
        self, customer_id: str, *, reason: str = "", idempotency_key: Optional[str] = None
    ) -> Record:
        """Ask for nothing until it is resumed."""
        place = path("/customers/{}/dunning/stop", customer_id)
        return await self._call(
            Record, "POST", place, body={"reason": reason}, idempotency_key=idempotency_key
        )

    async def resume_dunning(self, customer_id: str, *, idempotency_key: Optional[str] = None) -> Record:
        """Ask again."""
        place = path("/customers/{}/dunning/resume", customer_id)
        return await self._call(Record, "POST", place, idempotency_key=idempotency_key)

    # --- Invoices that another type may have to correct
    async def get_corrective_invoices(
        self,
        customer_id: str,
        *,
        status: Optional[str] = None,
        page: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> PaginatedResponse[Record]:
        """Those that wait for a look (`waiting`), or were looked at (`reviewed`)."""
        query = {"status": status, "page": page, "limit": limit}
        return await self._list(Record, path("/customers/{}/corrective-invoices", customer_id), query)

    async def review_corrective_invoices(
        self,
        customer_id: str,
        *,
        invoice_ids: Optional[Sequence[str]] = None,
        note: str = "",
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """They were looked at; without `invoice_ids` all that wait."""
        place, body = (
            path("/customers/{}/corrective-invoices/review", customer_id),
            given(invoice_ids=invoice_ids, note=note),
        )
        return await self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    async def undo_corrective_review(self, customer_id: str, invoice_id: str) -> Record:
        """It waits again."""
        place = path("/customers/{}/corrective-invoices/{}/review", customer_id, invoice_id)
        return await self._call(Record, "DELETE", place)


class AsyncTagsResource(AsyncResource):
    """`client.tags`"""

    async def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewTag]) -> Tag:
        """A new tag."""
        return await self._call(Tag, "POST", "/tags", body=fields, idempotency_key=idempotency_key)

    async def get(self, tag_id: str) -> Tag:
        """One tag."""
        return await self._call(Tag, "GET", path("/tags/{}", tag_id))

    async def update(
        self, tag_id: str, *, if_match: Optional[str] = None, **fields: Unpack[TagChanges]
    ) -> Tag:
        """Change the given fields."""
        return await self._call(Tag, "PATCH", path("/tags/{}", tag_id), body=fields, if_match=if_match)

    async def list(self, **query: Unpack[PageQuery]) -> PaginatedResponse[Tag]:
        """A page of tags."""
        return await self._list(Tag, "/tags", query)

    def iterate(self, **query: Unpack[PageQuery]) -> AsyncIterator[Tag]:
        """All tags."""
        return self._walk(Tag, "/tags", query)

    async def delete(self, tag_id: str) -> Deletion:
        """Customers lose it."""
        return await self._call(Deletion, "DELETE", path("/tags/{}", tag_id))


class AsyncCustomFieldsResource(AsyncResource):
    """`client.custom_fields`"""

    async def create(
        self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCustomField]
    ) -> CustomField:
        """A new field of customers."""
        return await self._call(
            CustomField, "POST", "/custom-fields", body=fields, idempotency_key=idempotency_key
        )

    async def get(self, field_id: str) -> CustomField:
        """One field."""
        return await self._call(CustomField, "GET", path("/custom-fields/{}", field_id))

    async def update(
        self, field_id: str, *, if_match: Optional[str] = None, **fields: Unpack[CustomFieldChanges]
    ) -> CustomField:
        """Change the given parts."""
        place = path("/custom-fields/{}", field_id)
        return await self._call(CustomField, "PATCH", place, body=fields, if_match=if_match)

    async def list(self, **query: Unpack[PageQuery]) -> PaginatedResponse[CustomField]:
        """A page of fields."""
        return await self._list(CustomField, "/custom-fields", query)

    def iterate(self, **query: Unpack[PageQuery]) -> AsyncIterator[CustomField]:
        """All fields."""
        return self._walk(CustomField, "/custom-fields", query)

    async def delete(self, field_id: str) -> Deletion:
        """Customers lose it."""
        return await self._call(Deletion, "DELETE", path("/custom-fields/{}", field_id))
