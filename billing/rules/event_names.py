"""The names of events, `<noun>.<past tense>`, what each says, and which of them an endpoint hears.

Law: an endpoint hears an event once under each name by which it asked for it: its own name, or another spelling that
means the same. `*` stands for all events under their own names; a spelling asked for beside it takes the place of the
own name.

Example: `names_heard(["*", "payment.succeeded"], "payment.successful")` is `["payment.succeeded"]`.
"""

from collections.abc import Iterable, Sequence

ALL = "*"
TOLD_ONCE = frozenset(
    {"invoice.overdue"}
)  # that it was told is known by the event itself: it is never forgotten
TEST = "webhook.test"  # sent by a button, to one endpoint; nobody asks for it

EVENTS: dict[str, str] = {
    "add_on.created": "An add-on was added to the catalogue.",
    "add_on.deleted": "An add-on was removed from the catalogue.",
    "add_on.updated": "An add-on was changed.",
    "alert.triggered": "Usage, an amount or a balance crossed a threshold of an alert.",
    "credit_note.created": "A credit note was issued.",
    "credit_note.voided": "A credit note was withdrawn.",
    "customer.created": "A customer was added.",
    "customer.deleted": "A customer was deleted, after its subscriptions and wallets had ended.",
    "customer.erased": "A deleted customer's personal data was erased: erase your copy too. It says the id alone.",
    "customer.merged": "One customer was merged into another.",
    "customer.mode_changed": "A customer went from paying in advance to paying later, or back.",
    "customer.type_changed": "A customer became a business or a person.",
    "customer.updated": "A customer's details were changed.",
    "customer.vat_checked": "A VAT number was checked.",
    "dunning_campaign.finished": "All reminders of a campaign were sent to a customer.",
    "invoice.created": "A draft was made, by hand or because a period has ended.",
    "invoice.deleted": "A draft was deleted.",
    "invoice.dispute_ended": "A dispute about an invoice has ended.",
    "invoice.disputed": "A customer disputes an invoice.",
    "invoice.finalized": "An invoice got its number and its final amounts.",
    "invoice.overdue": "An invoice was not paid by its due day.",
    "invoice.paid": "Nothing is due of an invoice any more.",
    "invoice.regenerated": "A voided invoice was made again.",
    "invoice.voided": "An invoice was withdrawn.",
    "invoice.write_off_undone": "The writing off of an invoice's rest was taken back.",
    "invoice.written_off": "The rest of an invoice was given up.",
    "payment.failed": "A payment was tried and did not succeed.",
    "payment.refund_failed": "A refund was tried and did not succeed.",
    "payment.refunded": "A payment was given back, as a whole or in part.",
    "payment.successful": "Money came in for an invoice.",
    "payment_receipt.created": "A receipt was issued for a payment.",
    "payment_request.canceled": "A request for payment was withdrawn.",
    "payment_request.created": "A customer was asked to pay several invoices at once.",
    "payment_request.failed": "Paying a request did not succeed.",
    "payment_request.succeeded": "A request for payment was paid.",
    "plan.created": "A plan was added to the catalogue.",
    "plan.deleted": "A plan was deleted.",
    "plan.updated": "A plan, its prices or its charges were changed.",
    "subscription.cancel_scheduled": "A subscription will end with its period.",
    "subscription.canceled": "A subscription was cancelled and has ended.",
    "subscription.created": "A customer was given a plan.",
    "subscription.kept": "A scheduled cancellation was taken back.",
    "subscription.past_due": "An invoice of a subscription is overdue.",
    "subscription.paused": "A subscription was paused.",
    "subscription.plan_change_canceled": "A scheduled change of plan was taken back.",
    "subscription.plan_change_scheduled": "A subscription will change its plan with its period.",
    "subscription.plan_changed": "A subscription has changed its plan.",
    "subscription.prices_changed": "A subscription follows changed prices of its plan.",
    "subscription.recovered": "What was overdue of a subscription is paid.",
    "subscription.renewed": "A subscription went on into its next period.",
    "subscription.resumed": "A paused subscription goes on.",
    "subscription.started": "A subscription became active.",
    "subscription.terminated": "A subscription was ended by staff or has reached its end.",
    "subscription.trial_ended": "A trial is over.",
    "subscription.units_changed": "The units of a fixed charge of a subscription were changed.",
    "subscription.updated": "A subscription's details or terms were changed.",
    "subscription.usage_threshold_reached": "Usage passed a threshold that bills at once.",
    "wallet.created": "A wallet was opened.",
    "wallet.depleted": "The ongoing balance of a wallet is used up.",
    "wallet.granted": "Credits were given to a wallet for nothing.",
    "wallet.low_balance": "A wallet's balance is below its limit.",
    "wallet.terminated": "A wallet has ended.",
    "wallet.topped_up": "Bought credits were added to a wallet.",
    "wallet.updated": "A wallet's terms were changed.",
}

SYNONYMS: dict[str, str] = {
    "credit_note.finalized": "credit_note.created",
    "invoice.drafted": "invoice.created",
    "invoice.generated": "invoice.created",
    "payment.created": "payment.successful",
    "payment.succeeded": "payment.successful",
    "subscription.activated": "subscription.started",
    "subscription.cancelled": "subscription.canceled",
    "subscription.dunning_entered": "subscription.past_due",
    "subscription.uncanceled": "subscription.kept",
}


def names_heard(asked: Iterable[str], name: str) -> list[str]:
    """Under which names an endpoint that asked for these hears the event `name`; none when it does not."""
    wanted = list(dict.fromkeys(asked))
    found = [one for one in wanted if one == name or SYNONYMS.get(one) == name]
    return found or ([name] if ALL in wanted else [])


def spellings(name: str) -> list[str]:
    """What an endpoint may have asked for to hear the event `name`."""
    return [ALL, name, *(other for other, own in SYNONYMS.items() if own == name)]


def unknown(asked: Sequence[str]) -> list[str]:
    """The names that no event has."""
    return [one for one in asked if one != ALL and one not in EVENTS and one not in SYNONYMS]


def scopes_to_hear(asked: Iterable[str]) -> list[str]:
    """The API scopes that reading the same objects needs: who may not read invoices must not be told of them."""
    nouns = {SYNONYMS.get(name, name).split(".")[0] for name in asked}
    return sorted("*:read" if noun == ALL else f"{noun.replace('_', '-')}s:read" for noun in nouns)


def by_noun() -> dict[str, list[str]]:
    """The names in order, by the noun before the point."""
    found: dict[str, list[str]] = {}
    for name in sorted(EVENTS):
        found.setdefault(name.split(".")[0], []).append(name)
    return found
