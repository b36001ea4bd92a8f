"""Subscriptions and wallets as the API and webhooks show them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet

from billing.models import AppliedCoupon, Subscription, Wallet, WalletEntry
from billing.queries.schedules import schedule_of
from billing.queries.shapes import AppliedCouponOut, SubscriptionOut, WalletEntryOut, WalletOut
from billing.queries.wallets import WalletState, metric_codes
from billing.rules.ids import encode
from billing.rules.money import from_minor
from billing.rules.periods import Period
from billing.rules.states import SubscriptionStatus
from billing.rules.wallets import minor_to_credits


def running_period(row: Subscription) -> Period | None:
    """The whole period that ends at the next billing, or in which that lies; None when nothing is to be billed."""
    if row.next_billing_at is None:
        return None
    tz = row.customer.timezone or row.customer.billing_entity.timezone or "UTC"
    schedule = schedule_of(row, tz)
    period = schedule.period_at(row.next_billing_at - timedelta(microseconds=1))
    return period if schedule.split else Period(period.start, row.next_billing_at)


def with_changes(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """The rows with the changes of plan that wait: one query for all of them."""
    waiting = Subscription.objects.filter(status=SubscriptionStatus.PENDING.value).select_related("plan")
    return rows.prefetch_related(Prefetch("successors", waiting, to_attr="waiting_changes"))


def scheduled_change(row: Subscription) -> Subscription | None:
    """What takes over at the end of the period; no query for rows of `with_changes`, nor for one that has ended."""
    if not row.is_live or row.changes_plan is False:
        return None
    known: list[Subscription] | None = getattr(row, "waiting_changes", None)
    if known is not None:
        return known[0] if known else None
    waiting = row.successors.filter(status=SubscriptionStatus.PENDING.value)
    found: Subscription | None = waiting.select_related("plan").first()
    return found


def subscription_payload(row: Subscription) -> SubscriptionOut:
    """One subscription; expects plan, customer and its billing entity to be loaded."""
    period, scheduled = running_period(row), scheduled_change(row)
    return {
        "id": row.public_id,
        "externalId": row.external_id,
        "name": row.name,
        "customerId": encode("cust", row.customer_id),
        "planId": encode("pln", row.plan_id),
        "planCode": row.plan.code,
        "status": row.status,
        "currency": row.currency,
        "billingTime": row.billing_time,
        "subscriptionAt": row.subscription_at,
        "startedAt": row.started_at,
        "trialEnd": row.trial_ends_at,
        "endingAt": row.ending_at,
        "separateInvoice": row.separate_invoice,
        "hasOwnTerms": row.has_own_terms,
        "pausedAt": row.paused_at,
        "resumesAt": row.resumes_at,
        "previousSubscriptionId": encode("sub", row.previous_id) if row.previous_id else None,
        "planChangesAt": row.takes_over_at or (scheduled.takes_over_at if scheduled else None),
        "nextPlanId": encode("pln", scheduled.plan_id) if scheduled else None,
        "nextPlanCode": scheduled.plan.code if scheduled else None,
        "cancelAtPeriodEnd": row.is_canceling,
        "cancelAt": row.ending_at if row.is_canceling else None,
        "cancelRequestedAt": row.cancel_requested_at,
        "currentPeriodStart": max(period.start, row.started_at) if period and row.started_at else None,
        "currentPeriodEnd": period.end if period else None,
        "nextBillingAt": row.next_billing_at,
        "canceledAt": row.canceled_at,
        "terminatedAt": row.terminated_at,
        "metadata": row.metadata,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def wallet_payload(row: Wallet, state: WalletState) -> WalletOut:
    """One wallet: money in major units, credits as they are; expects the customer to be loaded. `balance` is what the
    ledger says; `cashBalance` and `promotionalBalance` leave out what has expired and is not booked yet.
    """

    def major(minor: int | None) -> Any:
        return None if minor is None else from_minor(minor, row.currency)

    return {
        "id": row.public_id,
        "organizationId": encode("org", row.organization_id),
        "customerId": encode("cust", row.customer_id),
        "name": row.name,
        "currency": row.currency,
        "mode": row.customer.mode,
        "isPrimary": row.is_primary,
        "rateAmount": row.rate,
        "priority": row.priority,
        "appliesTo": {"feeTypes": row.fee_types, "billableMetricCodes": metric_codes(row)},
        "status": row.status,
        "balance": major(row.balance_minor),
        "creditsBalance": row.credits_balance,
        "cashBalance": major(state.cash_minor),
        "promotionalBalance": major(state.promotional_minor),
        "promotionalBalanceExpiresAt": state.promotional_expires_at,
        "ongoingBalance": major(row.ongoing_balance_minor),
        "ongoingUsageBalance": major(row.ongoing_usage_minor),
        "creditsOngoingBalance": minor_to_credits(row.ongoing_balance_minor, row.rate, row.currency),
        "creditsOngoingUsageBalance": minor_to_credits(row.ongoing_usage_minor, row.rate, row.currency),
        "ongoingBalanceDepleted": row.depleted,
        "ongoingBalanceAt": row.ongoing_at,
        "heldBalance": major(0),  # nothing can be held: a debit books at once
        "availableBalance": major(state.available_minor),
        "debt": major(state.debt_minor),
        "creditLimit": major(row.credit_limit_minor),
        "maxBalance": major(row.max_balance_minor),
        "maxSingleCredit": major(row.max_single_credit_minor),
        "lowBalanceThreshold": major(row.low_balance_minor),
        "autoTopupEnabled": row.auto_top_up_enabled,
        "autoTopupAmount": major(row.auto_top_up_minor),
        "expirationAt": row.expires_at,
        "terminatedAt": row.terminated_at,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def entry_payload(row: WalletEntry) -> WalletEntryOut:
    """One movement of a wallet, signed; expects the wallet to be loaded."""
    return {
        "id": row.public_id,
        "walletId": encode("wal", row.wallet_id),
        "type": "inbound" if row.amount_minor >= 0 else "outbound",
        "transactionStatus": row.kind,
        "credits": row.credits,
        "amount": from_minor(row.amount_minor, row.wallet.currency),
        "balanceAfter": from_minor(row.balance_after_minor, row.wallet.currency),
        "invoiceId": encode("inv", row.invoice_id) if row.invoice_id else None,
        "reason": row.reason,
        "createdAt": row.at,
    }


def applied_coupon_payload(row: AppliedCoupon) -> AppliedCouponOut:
    """A coupon given to a customer; expects the coupon to be loaded."""
    amount, left = row.amount_minor, row.remaining_minor
    return {
        "id": row.public_id,
        "couponId": encode("cpn", row.coupon_id),
        "couponCode": row.coupon.code,
        "customerId": encode("cust", row.customer_id),
        "status": row.status,
        "type": row.kind,
        "amount": from_minor(amount, row.currency) if amount is not None else None,
        "amountRemaining": from_minor(left, row.currency) if left is not None else None,
        "currency": row.currency or None,
        "percentage": row.percentage,
        "frequency": row.frequency,
        "usesRemaining": row.periods_remaining,
        "appliedAt": row.applied_at,
        "terminatedAt": row.terminated_at,
    }
