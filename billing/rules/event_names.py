"""The names of events: `<noun>.<past tense>`."""

EVENTS = frozenset(
    {
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.merged",
        "customer.mode_changed",
        "customer.type_changed",
        "customer.vat_checked",
        "wallet.low_balance",
        "wallet.topped_up",
    }
)
