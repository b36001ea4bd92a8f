"""The one vocabulary of the audit trail: what an act is called, its colour, and how fields and values read.

An action is `noun.verb`. A regular verb follows its noun ("Wallet created"); the others have a title of their own. A
test holds every action that the code records to it.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime

from billing.web.formats import UNKNOWN, day_text, money_text
from billing.web.pricing import charge_words

NOUNS = {
    "add_on": "Add-on",
    "alert": "Alert",
    "api_key": "API key",
    "billing_entity": "Billing entity",
    "bulk_act": "Bulk action",
    "coupon": "Coupon",
    "credit_note": "Credit note",
    "custom_field": "Custom field",
    "customer": "Customer",
    "dunning_campaign": "Dunning campaign",
    "dunning_case": "Dunning",
    "invoice": "Invoice",
    "job": "Job",
    "member": "Member",
    "metric": "Billable metric",
    "note": "Note",
    "organization": "Organization",
    "payment": "Payment",
    "payment_provider": "Payment provider",
    "payment_receipt": "Receipt",
    "payment_request": "Payment request",
    "plan": "Plan",
    "remittance": "Payment of the customer",
    "saved_view": "Saved view",
    "subscription": "Subscription",
    "tag": "Tag",
    "tax": "Tax",
    "wallet": "Wallet",
    "webhook": "Webhook",
}
# Verbs that read well behind any noun, with the colour of the dot.
VERBS = {
    "activated": "success",
    "applied": "success",
    "canceled": "warning",
    "created": "success",
    "deactivated": "warning",
    "deleted": "danger",
    "drafted": "neutral",
    "finalized": "success",
    "invited": "success",
    "issued": "success",
    "merged": "neutral",
    "moved": "neutral",
    "paused": "warning",
    "recorded": "success",
    "recovered": "success",
    "refreshed": "neutral",
    "refunded": "warning",
    "removed": "danger",
    "renamed": "neutral",
    "renewed": "success",
    "restored": "success",
    "resumed": "success",
    "reviewed": "success",
    "revoked": "danger",
    "rotated": "neutral",
    "seen": "neutral",
    "sent": "neutral",
    "started": "success",
    "terminated": "warning",
    "tested": "neutral",
    "triggered": "warning",
    "updated": "neutral",
    "voided": "danger",
}
TITLES = {
    "credit_note.rest_withdrawn": ("Rest of the credit withdrawn", "warning"),
    "billing_entity.made_default": ("Billing entity made the default", "neutral"),
    "customer.deletion_requested": ("Deletion of the customer requested", "danger"),
    "customer.dunning_resumed": ("Dunning resumed", "neutral"),
    "customer.dunning_stopped": ("Dunning stopped", "warning"),
    "customer.erased": ("Personal data erased", "danger"),
    "customer.erasure_requested": ("Erasing of personal data requested", "danger"),
    "customer.kept_apart": ("Marked as no duplicates", "neutral"),
    "customer.kept_apart_undone": ("May be duplicates again", "neutral"),
    "customer.linked": ("Linked to a payment provider", "success"),
    "customer.mode_changed": ("Payment mode changed", "neutral"),
    "customer.type_changed": ("Customer type changed", "neutral"),
    "customer.unlinked": ("Unlinked from a payment provider", "warning"),
    "customer.vat_checked": ("VAT number checked", "neutral"),
    "customer.vat_override_cleared": ("VAT decision by hand taken back", "neutral"),
    "customer.vat_override_ended": ("VAT decision by hand has ended", "warning"),
    "customers.exported": ("Customers exported", "neutral"),
    "invoices.exported": ("Invoices exported", "neutral"),
    "credit_notes.exported": ("Credit notes exported", "neutral"),
    "payments.exported": ("Payments exported", "neutral"),
    "customer.payment_method_asked_for": ("Asked to leave a payment method", "neutral"),
    "customer.payment_method_chosen": ("Default payment method chosen", "neutral"),
    "customer.payment_method_removed": ("Payment method removed", "danger"),
    "customer.payment_method_saved": ("Payment method saved", "success"),
    "customer.payment_requested": ("Payment requested by e-mail", "neutral"),
    "dunning_campaign.finished": ("All steps of the dunning campaign done", "danger"),
    "dunning_case.ended": ("Dunning ended", "success"),
    "dunning_case.finished": ("All dunning steps done, still not paid", "danger"),
    "dunning_case.started": ("Dunning begun", "warning"),
    "dunning_case.step_done": ("Dunning step", "warning"),
    "invoice.dispute_ended": ("Dispute of the invoice ended", "neutral"),
    "invoice.disputed": ("Invoice disputed", "warning"),
    "invoice.line_added": ("Line added to a draft", "success"),
    "invoice.line_edited": ("Line of a draft changed", "neutral"),
    "invoice.line_removed": ("Line of a draft removed", "danger"),
    "invoice.line_reset": ("Line of a draft put back", "neutral"),
    "invoice.overdue": ("Invoice overdue", "danger"),
    "invoice.paid": ("Invoice paid", "success"),
    "invoice.payment_link_sent": ("Payment link sent after a failed charge", "neutral"),
    "invoice.regenerated": ("Invoice made again", "success"),
    "invoice.offset": ("Invoice reduced by a credit note", "neutral"),
    "invoice.reminded": ("Reminder sent", "neutral"),
    "invoice.review_undone": ("Review of the invoice undone", "neutral"),
    "invoice.shortened": ("Days taken off a draft", "warning"),
    "invoice.write_off_undone": ("Write-off of the invoice undone", "neutral"),
    "invoice.written_off": ("Rest of the invoice written off", "warning"),
    "job.run_again": ("Job run again", "neutral"),
    "member.invited_again": ("Member invited again", "neutral"),
    "member.password_set": ("Password set", "neutral"),
    "member.recovery_code_used": ("Signed in with a recovery code", "warning"),
    "member.recovery_codes_renewed": ("Recovery codes renewed", "neutral"),
    "member.role_changed": ("Role of a member changed", "neutral"),
    "member.two_factor_off": ("Two-factor sign-in turned off", "warning"),
    "member.two_factor_on": ("Two-factor sign-in turned on", "success"),
    "organization.clock_moved": ("Sandbox clock moved", "neutral"),
    "organization.two_factor_demanded": ("Two-factor sign-in demanded", "success"),
    "organization.two_factor_left_open": ("Two-factor sign-in left to each member", "warning"),
    "payment.receipt_sent": ("Receipt sent", "neutral"),
    "payment.asked_for": ("Asked for a payment online", "neutral"),
    "payment.charge_asked_for": ("Saved payment method charged", "neutral"),
    "payment.failed": ("Payment failed", "danger"),
    "payment.successful": ("Payment came in", "success"),
    "payment.refund_asked_for": ("Refund asked of the provider", "neutral"),
    "payment.refund_failed": ("Refund failed", "danger"),
    "payment.seen_to": ("Money that could not be recorded was seen to", "neutral"),
    "payment_request.created": ("Payment requested", "neutral"),
    "payment_request.failed": ("Payment request: a payment was refused", "danger"),
    "payment_request.succeeded": ("Payment request paid", "success"),
    "plan.price_added": ("Price in another currency added", "success"),
    "plan.price_change_repeated": ("Change of prices tried again", "neutral"),
    "plan.price_change_started": ("Subscriptions move to changed prices", "neutral"),
    "plan.price_changed": ("Price in another currency changed", "neutral"),
    "plan.price_removed": ("Price in another currency removed", "danger"),
    "portal.link_created": ("Portal link created", "success"),
    "portal.link_revoked": ("Portal link revoked", "danger"),
    "remittance.received": ("Payment received", "success"),
    "remittance.returned": ("Money on account given back", "warning"),
    "subscription.cancel_scheduled": ("Ends with the running period", "warning"),
    "subscription.kept": ("Cancellation taken back", "success"),
    "subscription.late_usage_left": ("Late usage left unbilled", "neutral"),
    "subscription.past_due": ("Subscription past due", "danger"),
    "subscription.plan_change_canceled": ("Change of plan called off", "neutral"),
    "subscription.plan_change_scheduled": ("Change of plan scheduled", "neutral"),
    "subscription.plan_changed": ("Plan changed", "neutral"),
    "subscription.prices_changed": ("Pays changed prices", "neutral"),
    "subscription.trial_ended": ("Trial ended", "neutral"),
    "subscription.units_changed": ("Units of fixed charges changed", "neutral"),
    "subscription.usage_threshold_reached": ("Usage threshold reached", "warning"),
    "usage.check_requested": ("Comparison of usage asked for", "neutral"),
    "usage.repaired": ("Usage counted again", "warning"),
    "wallet.depleted": ("Ongoing balance at zero", "warning"),
    "wallet.expired": ("Credits expired", "warning"),
    "wallet.granted": ("Credits given", "success"),
    "wallet.low_balance": ("Balance below its mark", "warning"),
    "wallet.purchased": ("Credits bought", "success"),
    "wallet.returned": ("Credits returned", "success"),
    "wallet.scheduled_top_up_refused": ("Scheduled top-up refused", "danger"),
    "wallet.settled": ("Debt of the wallet settled", "success"),
    "wallet.settlement_billed": ("Debt of the wallet billed", "neutral"),
    "wallet.top_up_billed": ("Top-up billed", "neutral"),
    "wallet.top_up_burst": ("Several top-ups at once", "warning"),
    "wallet.topped_up": ("Wallet topped up", "success"),
    "wallet.top_ups_scheduled": ("Top-ups scheduled", "success"),
    "wallet.top_ups_unscheduled": ("Scheduled top-ups ended", "warning"),
    "webhook.disabled": ("Webhook disabled", "danger"),
    "webhook.replayed": ("Webhook deliveries sent again", "neutral"),
    "webhook.staff_told": ("Staff told that the webhook was stopped", "neutral"),
    "webhook.secret_rotated": ("Secret of the webhook replaced", "neutral"),
}
CODES = {
    "status",
    "state",
    "payment_status",
    "type",
    "kind",
    "mode",
    "interval",
    "method",
    "source",
    "fee_types",
}


def known(action: str) -> bool:
    """Whether the vocabulary has words for an action."""
    noun, _, verb = action.partition(".")
    return action in TITLES or (noun in NOUNS and verb in VERBS)


def title(action: str) -> str:
    """`credit_note.created` -> "Credit note created"."""
    if action in TITLES:
        return TITLES[action][0]
    noun, _, verb = action.partition(".")
    return f"{NOUNS.get(noun, words(noun))} {verb.replace('_', ' ')}".strip()


def tone(action: str) -> str:
    """The colour of the dot: success, neutral, warning or danger."""
    if action in TITLES:
        return TITLES[action][1]
    return VERBS.get(action.partition(".")[2], "neutral")


def words(code: str) -> str:
    """`credit_note` -> "Credit note"."""
    return code.replace("_", " ").capitalize()


def field_words(name: str) -> str:
    """A column as a label: `ending_at` -> "Ending", `amount_minor` -> "Amount"."""
    return words(name.removesuffix("_minor").removesuffix("_at").removesuffix("_on"))


def moment_text(name: str, value: str) -> str:
    """A stored day or moment (in UTC) for people; other text as it is."""
    try:
        if name.endswith("_on") and (day := parse_date(value)):
            return day_text(day)
        if name.endswith("_at") and (at := parse_datetime(value)):
            return f"{day_text(at.date())}, {at:%H:%M}"
    except ValueError:
        return value
    return value


def value_text(name: str, value: Any, currency: str) -> str:
    """A stored value for people; nothing is a dash. Amounts in minor units of the currency."""
    if value in (None, "", {}, []):
        return UNKNOWN
    if name.endswith("_minor") and isinstance(value, int) and currency:
        return money_text(value, currency)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, str):
        return words(value) if name in CODES and value.islower() else moment_text(name, value)
    if isinstance(value, list):
        return ", ".join(words(item) if name in CODES else str(item) for item in value)
    if isinstance(value, dict) and "charge_model" in value and currency:
        return charge_words(value, currency)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
