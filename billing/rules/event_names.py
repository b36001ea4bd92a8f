"""The names of events: `<noun>.<past tense>`."""

EVENTS = frozenset(
    {
        "add_on.created",
        "add_on.deleted",
        "add_on.updated",
        "alert.triggered",
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.merged",
        "customer.mode_changed",
        "customer.type_changed",
        "customer.vat_checked",
        "plan.created",
        "plan.deleted",
        "plan.updated",
        "subscription.cancel_scheduled",
        "subscription.canceled",
        "subscription.created",
        "subscription.kept",
        "subscription.started",
        "subscription.terminated",
        "subscription.trial_ended",
        "subscription.updated",
        "subscription.usage_threshold_reached",
        "wallet.created",
        "wallet.low_balance",
        "wallet.terminated",
        "wallet.topped_up",
        "wallet.updated",
    }
)
