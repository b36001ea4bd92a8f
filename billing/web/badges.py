"""Which word and which tone a status has on screen. One table for all nouns.

Tones: neutral, info, success, warning, danger. LIVE statuses are being worked on right now; their dot moves.
"""

from __future__ import annotations

BADGES: dict[str, tuple[str, str]] = {
    # subscriptions, customers, coupons, wallets, keys
    "active": ("success", "Active"),
    "inactive": ("neutral", "Inactive"),
    "trialing": ("info", "Trialing"),
    "paused": ("warning", "Paused"),
    "past_due": ("danger", "Past due"),
    "canceled": ("neutral", "Canceled"),
    "terminated": ("neutral", "Terminated"),
    "expired": ("neutral", "Expired"),
    "revoked": ("neutral", "Revoked"),
    "archived": ("neutral", "Archived"),
    "deleted": ("neutral", "Deleted"),
    "deleting": ("warning", "Deleting"),
    # invoices
    "draft": ("neutral", "Draft"),
    "generating": ("info", "Generating"),
    "finalized": ("info", "Finalized"),
    "issued": ("info", "Issued"),
    "open": ("info", "Open"),
    "voided": ("neutral", "Voided"),
    "closed": ("neutral", "Closed"),
    "overdue": ("danger", "Overdue"),
    "paid": ("success", "Paid"),
    "unpaid": ("warning", "Unpaid"),
    "partially_paid": ("warning", "Partially paid"),
    "payment_failed": ("danger", "Payment failed"),
    "written_off": ("neutral", "Written off"),
    "disputed": ("warning", "Disputed"),
    # payments, refunds, credits
    "pending": ("warning", "Pending"),
    "processing": ("info", "Processing"),
    "successful": ("success", "Successful"),
    "succeeded": ("success", "Succeeded"),
    "settled": ("success", "Settled"),
    "failed": ("danger", "Failed"),
    "refunded": ("neutral", "Refunded"),
    "partially_refunded": ("neutral", "Partially refunded"),
    "available": ("success", "Available"),
    "consumed": ("neutral", "Used up"),
    # jobs and deliveries
    "queued": ("neutral", "Queued"),
    "waiting": ("neutral", "Waiting"),
    "running": ("info", "Running"),
    "retrying": ("warning", "Retrying"),
    "done": ("success", "Done"),
    "delivered": ("success", "Delivered"),
    "disabled": ("danger", "Disabled"),
    "sent": ("success", "Sent"),
    # events
    "processed": ("success", "Processed"),
    "quarantined": ("warning", "Quarantined"),
    "duplicate": ("neutral", "Duplicate"),
    "conflict": ("danger", "Conflict"),
    # checks
    "valid": ("success", "Valid"),
    "invalid": ("danger", "Invalid"),
    "unvalidated": ("neutral", "Not checked"),
    "manual": ("info", "Confirmed by hand"),
    "verified": ("success", "Verified"),
    "unverified": ("neutral", "Unverified"),
    "sandbox": ("warning", "Sandbox"),
}

LIVE = frozenset({"generating", "processing", "running", "retrying", "deleting"})
TONES = frozenset({"neutral", "info", "success", "warning", "danger"})


def look(status: str) -> tuple[str, str]:
    """(tone, word) of a status; an unknown one is shown in neutral with its own word."""
    key = str(status or "").strip().lower()
    return BADGES.get(key, ("neutral", key.replace("_", " ").capitalize() or "Unknown"))
