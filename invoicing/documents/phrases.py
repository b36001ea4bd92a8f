"""Sentences of ours on a document: how an amount came about, and what a line is about.

Steps and lines are frozen with their English words, so English is the pattern that `wording.py` looks for; what other
languages say stands in their `PHRASES` (`words/`). {n} is a number, {units} and {days} a number with its noun, {text}
any text.
"""

from __future__ import annotations

STEPS: tuple[str, ...] = (
    "All units",
    "Units by their days",
    "Billed event by event",
    "In use when the period begins",
    "First {units}",
    "Next {units}",
    "Above {units}",
    "All units at the price of {n} to {units}",
    "All units at the price of {units} and more",
    "First {units} free",
    "Free",
    "Packages of {units}",
    "{n} % of the quantity",
    "Fixed amount per event",
    "Raised to the minimum per transaction",
    "Reduced to the maximum per transaction",
    "Amounts sent with the events",
    "{n} of {days}",
    "Commitment",
    "Commitment for {n} of {days}",
    "Paid under the plan before",
    "Corrected by hand",
    "Billed for the period",
    "Billed with the events before",
)
# By the kind of the line: a text that staff typed into a one-off line is never taken for ours.
LINES: dict[str, tuple[str, ...]] = {
    "subscription": (
        "{text}, weekly fee",
        "{text}, monthly fee",
        "{text}, quarterly fee",
        "{text}, semiannual fee",
        "{text}, yearly fee",
    ),
    "true_up": ("{text}: minimum spend",),
    "commitment": ("{text}, minimum commitment",),
    "credit": (
        "Prepaid credits for {text}",
        "Balance owed on {text}",
    ),
}
# What a credit note says of a fee whose days were not used; {text} is the line's own description.
UNUSED = "{text}: {unused}"
