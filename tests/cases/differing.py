"""Cases whose answer is another one here, on purpose: id and reason. A case that passes may not stand here."""

EXACT = "decimals are exact: 15 of 30 days of 999 are 499.5, not the 499.49999 of a binary float"
NO_GATES = "nothing is licensed: limits per transaction always count"
NO_CUSTOM = "aggregations written in Ruby are not offered"

ENDED_EARLIER = "it ended in an earlier period: we bill the period of the end, they the one of the run"
NO_VIEW = "a view of a maximum by event is not kept"
ONE_RUN = "one run bills what has ended and ends what has its last day; a day that has begun is billed"
NOTHING_TO_ASK = "an end with nothing to ask for closes the period without an invoice that is issued"

BEFORE_THE_START = "usage from before its start is none of a subscription's: it waits in quarantine"
LAST_DAY = "what ends at midnight had its last day the day before: 6 days of 31, not 7"
NO_EMPTY_LINES = "a part of a charge without usage gets no line: here that of usage outside all filters"

DIFFERING: dict[str, str] = {
    "credit-note-termination-027": EXACT,
    "charge-model-percentage-010": NO_GATES,
    "aggregation-max-agg-008": NO_VIEW,
    "customer-deletion-001": NOTHING_TO_ASK,
    "subscription-termination-011": ONE_RUN,
    "usage-prorated-graduated-002": BEFORE_THE_START,
    "usage-prorated-graduated-003": LAST_DAY,
    "invoice-scenario-009": NO_EMPTY_LINES,
    "dates-period-289": ENDED_EARLIER,
    "dates-period-291": ENDED_EARLIER,
}
