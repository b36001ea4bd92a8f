"""What becomes of everything that a merged customer has: one step per kind of record.

`CLASSIFIED` names every table that points at a customer with its fate: moved (belongs to the target now), kept (says
what happened to the source and stays with it) or revoked. A table that is missing there fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Sum
from django.db.models.functions import Now

from billing.actions import audit, coupons
from billing.actions.top_up_schedules import hand_on
from billing.actions.wallet_merging import keeps_life, merge_wallets, same_limits
from billing.actions.wallet_opening import end_untouched
from billing.actions.wallet_watch import look_again
from billing.models import AppliedCoupon, Coupon, Subscription, UsageHour, Wallet
from billing.orm.actor import Actor
from billing.queries.coupons import invoice_lowered_by
from billing.rules.states import OPEN
from customers.models import Customer, Note, PortalLink, VatCheck, VatCheckState
from invoicing.actions.draft import priced, write_draft
from invoicing.actions.dunning_merging import hand_on_chases
from invoicing.models import (
    CreditNote,
    Invoice,
    InvoiceType,
    Mail,
    Payment,
    PaymentAttempt,
    PaymentMethod,
    PaymentRequest,
    ProviderLink,
    Receipt,
    Remittance,
)
from invoicing.queries.facts import windows_of

MOVED, KEPT, REVOKED = "moved", "kept", "revoked"
CLASSIFIED = {
    "billing.Subscription.customer": MOVED,
    "billing.Wallet.customer": MOVED,
    "billing.AppliedCoupon.customer": MOVED,
    "billing.WalletActivity.customer": KEPT,  # asks for a look at what the source had: there is nothing left
    "invoicing.Invoice.customer": MOVED,
    "invoicing.CreditNote.customer": MOVED,
    "invoicing.Payment.customer": MOVED,
    "invoicing.Mail.customer": MOVED,
    "invoicing.Remittance.customer": MOVED,
    "invoicing.Receipt.customer": MOVED,
    "invoicing.PaymentAttempt.customer": MOVED,
    "invoicing.PaymentRequest.customer": MOVED,
    "invoicing.PaymentMethod.customer": MOVED,  # the target's default stays the default
    "invoicing.MethodSetup.customer": KEPT,  # a card that is still left by it is saved for the target
    "invoicing.ProviderLink.customer": MOVED,  # unless the target has one at that provider
    "invoicing.DunningCase.customer": MOVED,  # unless the target is chased for the same currency
    "invoicing.DunningChoice.customer": KEPT,  # the target has its own; a chase that was stopped stays stopped
    "invoicing.Outstanding.customer": KEPT,  # the sums follow the invoices by themselves: nothing is left here
    "customers.OwnValue.customer": KEPT,  # those of the fields, which are chosen with the others
    "customers.Note.customer": MOVED,
    "customers.VatCheck.customer": MOVED,
    "customers.Customer.merged_into": MOVED,  # earlier duplicates point at the last target at once
    "customers.StatementFile.customer": KEPT,  # what was printed of the source's account
    "customers.PortalLink.customer": REVOKED,
    "customers.Customer_taxes.customer": KEPT,  # a field: chosen with the others
    "billing.AuditEntry.customer": KEPT,
    "customers.BulkRow.customer": KEPT,
    "customers.Merge.source": KEPT,
    "customers.Merge.target": KEPT,
    "customers.NotDuplicate.first": KEPT,
    "customers.NotDuplicate.second": KEPT,
}
OPEN_CHECKS = [VatCheckState.PENDING.value, VatCheckState.MANUAL.value]


@dataclass
class Moving:
    """What a step works with, and what it has counted. `wallets` and `outstanding` are for people:
    [{"currency", "minor", "how": merged | moved}] and {currency: minor}.
    """

    source: Customer
    target: Customer
    by: Actor
    at: datetime
    counts: dict[str, int] = field(default_factory=dict)
    wallets: list[dict[str, Any]] = field(default_factory=list)
    outstanding: dict[str, int] = field(default_factory=dict)

    def hand_over(self, rows: QuerySet[Any], **more: Any) -> int:
        """Give rows of the source to the target; how many."""
        return rows.filter(customer=self.source).update(customer=self.target, updated_at=Now(), **more)


def move_subscriptions(moving: Moving) -> None:
    """Running and ended ones with their events. Those in another currency than the target's go on as they are: their
    invoices are in the currency of their plan.
    """
    rows = Subscription.objects.filter(customer=moving.source)
    found = UsageHour.objects.filter(subscription__in=rows).aggregate(n=Sum("events_count"))
    moving.counts["usage_events"] = int(found["n"] or 0)
    moving.counts["open_subscriptions"] = rows.filter(status__in=[state.value for state in OPEN]).count()
    moving.counts["subscriptions"] = moving.hand_over(Subscription.objects.all())


def move_documents(moving: Moving) -> None:
    """Issued documents keep buyer, name and number: only their owner changes. Payments go with them."""
    due = Invoice.objects.filter(customer=moving.source).unpaid().values("currency").order_by("currency")
    left = due.annotate(minor=Sum(F("total_minor") - F("paid_minor")))
    moving.outstanding = {row["currency"]: int(row["minor"]) for row in left if row["minor"]}
    drafts = Invoice.objects.filter(customer=moving.source).draft()
    moving.counts["drafts"] = drafts.count()
    moving.counts["credit_notes"] = moving.hand_over(CreditNote.objects.all())
    moving.counts["payments"] = moving.hand_over(Payment.objects.all())
    moving.hand_over(Mail.objects.all())
    moving.hand_over(Remittance.objects.all())
    moving.hand_over(Receipt.objects.all())
    moving.hand_over(PaymentAttempt.objects.all())
    moving.hand_over(PaymentRequest.objects.all())
    hand_on_chases(moving.source, moving.target, by=moving.by, at=moving.at)


def move_coupons(moving: Moving) -> None:
    """Applications with what is left of them. When both have one of the same coupon, the one with more left
    stays. One that is given once per customer and has lowered no invoice yet ends where the other customer has
    used the coupon: one customer could not have had it twice.
    """
    theirs, ours = (
        {row.coupon_id: row for row in AppliedCoupon.objects.active().filter(customer=one).locked()}
        for one in (moving.target, moving.source)
    )
    ended = 0
    for coupon_id in theirs.keys() & ours.keys():
        twin, row = theirs[coupon_id], ours[coupon_id]
        loser = row if coupons.left_of(twin) >= coupons.left_of(row) else twin
        (ours if loser is row else theirs).pop(coupon_id)
        end_application(moving, loser, "Both merged customers had it")
        ended += 1
    for rows, other in ((theirs, moving.source), (ours, moving.target)):
        for row in rows.values():
            if used_by(other, row.coupon) and not lowering(row):
                end_application(moving, row, "It is given once per customer, and was used")
                ended += 1
    moving.counts["coupons_ended"] = ended
    moving.counts["coupons"] = moving.hand_over(AppliedCoupon.objects.all())


def used_by(customer: Any, coupon: Coupon) -> bool:
    """Whether a coupon that is given once per customer has lowered an invoice of this one."""
    return not coupon.reusable and bool(invoice_lowered_by(coupon, customer))


def lowering(row: AppliedCoupon) -> bool:
    """Whether an application has lowered an invoice that counts."""
    return bool(row.deductions.filter(invoice__status="finalized").exists())


def end_application(moving: Moving, row: AppliedCoupon, reason: str) -> None:
    """End an application of the merged customer."""
    coupons.end(row, moving.at)
    audit.record(
        moving.target.organization,
        "coupon.removed",
        row,
        by=moving.by,
        at=moving.at,
        customer=moving.target,
        reason=reason,
    )


def move_wallets(moving: Moving) -> None:
    """A wallet in a currency that the target has is merged into its wallet, all others move as they are, ended ones
    too. The target keeps its primary wallet. Nothing is merged into a wallet that expires sooner or pays for other
    things, and no debt into one that nobody has touched. The source's untouched one ends, and is not counted.
    """
    theirs = list(Wallet.objects.filter(customer=moving.target).active().in_order_of_use())
    theirs.sort(key=lambda wallet: (wallet.untouched, not wallet.is_primary))
    merged = moved = 0
    moving.counts |= {"schedules_moved": 0, "schedules_ended": 0}
    for wallet in list(Wallet.objects.filter(customer=moving.source).active().in_use().locked()):
        heirs = [row for row in theirs if row.currency == wallet.currency and same_limits(row, wallet)]
        if wallet.balance_minor < 0:
            heirs = [row for row in heirs if not row.untouched]
        heir = next((row for row in heirs if keeps_life(wallet, row, at=moving.at)), None)
        how = "merged" if heir else "moved"
        moving.wallets.append({"currency": wallet.currency, "minor": wallet.balance_minor, "how": how})
        if heir is None:
            moved += 1
        else:
            staying = merge_wallets(wallet, heir, by=moving.by, at=moving.at)
            match hand_on(wallet, staying, by=moving.by, at=moving.at):
                case True:
                    moving.counts["schedules_moved"] += 1
                case False:
                    moving.counts["schedules_ended"] += 1
            heir.untouched = False
            merged += 1
    spare = Wallet.objects.filter(customer=moving.source, is_primary=True).active()
    if not any(row.is_primary for row in theirs):  # a target that was brought in without one
        spare = spare.exclude(currency=moving.target.currency)
    end_untouched(spare, at=moving.at)
    spare.update(is_primary=False)
    moving.hand_over(Wallet.objects.all())
    look_again(moving.target)
    moving.counts |= {"wallets_merged": merged, "wallets_moved": moved}


def readdress(moving: Moving) -> None:
    """All invoices change hands; a draft becomes one of the target: name, issuer, language and terms at once, and its
    lines with the target's taxes and coupons. After everything that prices it has moved.
    """
    target = moving.target
    drafts = list(Invoice.objects.filter(customer=moving.source).draft().locked())
    moving.counts["invoices"] = moving.hand_over(Invoice.objects.all())
    for invoice in drafts:
        invoice.refresh_from_db()
        invoice.customer = target
        invoice.customer_name = target.display_name
        invoice.billing_entity = target.billing_entity
        invoice.locale = target.locale or target.billing_entity.locale
        if invoice.type == InvoiceType.SUBSCRIPTION.value:
            windows = windows_of(invoice)
            write_draft(invoice, target, windows, priced(invoice, windows))
        else:
            invoice.save()


def move_notes(moving: Moving) -> None:
    """What staff wrote down."""
    moving.counts["notes"] = moving.hand_over(Note.objects.kept())
    moving.hand_over(Note.objects.exclude(deleted_at=None))


def move_vat_checks(moving: Moving) -> None:
    """The history moves. At most one check stays open: one of the number that the target has now, its own first."""
    number = bare(moving.target.tax_id)
    kept = None
    for owner in (moving.target, moving.source):
        for check in VatCheck.objects.filter(customer=owner, state__in=OPEN_CHECKS).locked():
            if kept is None and bare(check.number) == number:
                kept = check
                continue
            check.state, check.fault, check.next_at = VatCheckState.FAILED, "customer_merged", None
            check.answered_at = moving.at
            check.save()
    moving.counts["vat_checks"] = moving.hand_over(VatCheck.objects.all())


def bare(number: str) -> str:
    """A tax number as it is compared."""
    return "".join(char for char in number.upper() if char.isalnum())


def move_links(moving: Moving) -> None:
    """The source's customers at payment providers, where the target has none. Others stay with the source and say so;
    nothing more is sent for them.
    """
    taken = ProviderLink.objects.filter(customer=moving.target).values("provider")
    rows = ProviderLink.objects.filter(customer=moving.source)
    moving.counts["payment_methods"] = moving.hand_over(ProviderLink.objects.exclude(provider__in=taken))
    note = f"Merged into {moving.target.external_id}; the provider still has this customer."[:500]
    moving.counts["links_kept"] = rows.update(error=note, next_at=None, updated_at=Now())


def move_methods(moving: Moving) -> None:
    """Saved cards, which stay chargeable as they are. The target's default stays; a card that both have stays the
    target's, and the source's is charged no more.
    """
    rows = PaymentMethod.objects.filter(customer=moving.source)
    theirs = PaymentMethod.objects.filter(customer=moving.target)
    twins = theirs.filter(provider=OuterRef("provider"), mark=OuterRef("mark"))
    rows.filter(Exists(twins)).update(removed_at=moving.at, is_default=False, updated_at=Now())
    if theirs.saved().filter(is_default=True).exists():
        rows.update(is_default=False)
    moving.hand_over(PaymentMethod.objects.filter(~Exists(twins)))


def revoke_portal_links(moving: Moving) -> None:
    """A link that was given out for the source must not open the target's documents."""
    live = PortalLink.objects.filter(customer=moving.source, revoked_at=None)
    moving.counts["portal_links"] = live.update(revoked_at=moving.at, updated_at=Now())


def follow_pointers(moving: Moving) -> None:
    """Customers that were merged into the source earlier point at the target."""
    Customer.objects.filter(merged_into=moving.source).update(merged_into=moving.target)


STEPS: tuple[Callable[[Moving], None], ...] = (
    move_subscriptions,
    move_documents,
    move_coupons,
    move_wallets,
    readdress,
    move_notes,
    move_links,
    move_methods,
    revoke_portal_links,
    follow_pointers,
)
