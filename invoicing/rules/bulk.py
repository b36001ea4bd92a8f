"""Acts on many invoices at once: which there are, and why an invoice stays as it is.

Laws. A run's rows are fixed when it is confirmed. What a person has seen (how many, which sums) is confirmed with it:
another selection is refused. Each invoice is done by itself, so that one which refuses holds up no other; one that
failed can be tried again. An archive leaves out what has no document.
"""

from __future__ import annotations

from dataclasses import dataclass

DO = "do"
MOST = 10_000  # invoices in one run
MOST_FILES = 5_000  # PDFs in one archive
KEPT_HOURS = 24  # how long an archive can be fetched


@dataclass(frozen=True)
class Act:
    """`verb` names the button, `done` what has become of an invoice. `again`: for what was done before and is left
    out, the words for taking it in, that it is in, and for leaving it out.
    """

    key: str
    label: str
    icon: str
    verb: str
    done: str
    most: int = MOST
    danger: bool = False
    again: tuple[str, str, str] = ("", "", "")


FINALIZE = Act("finalize", "Finalize drafts", "file-check", "Finalize", "Finalized")
SEND = Act(
    "send",
    "Send by e-mail",
    "mail",
    "Send",
    "Handed over",
    again=(
        "Also those that were sent before",
        "Those that were sent before go out again.",
        "Only those not sent yet",
    ),
)
REQUEST = Act(
    "request",
    "Request payment",
    "hand-coins",
    "Ask for",
    "Asked for",
    again=(
        "Also those that were asked for before",
        "The new requests replace those that are open.",
        "Only those not asked for yet",
    ),
)
VOID = Act("void", "Void", "ban", "Void", "Voided", danger=True)
ARCHIVE = Act("archive", "Download PDFs as ZIP", "file-archive", "Pack", "Packed", MOST_FILES)
ACTS = {act.key: act for act in (FINALIZE, SEND, REQUEST, VOID, ARCHIVE)}

WHY = {
    "draft": "Is a draft.",
    "issued": "Is no draft any more.",
    "voided": "Is voided.",
    "paid": "Money was received for it.",
    "offset": "A credit note lowered what is due of it.",
    "written_off": "Its rest was written off.",
    "deleted": "Its customer was deleted.",
    "address": "Its customer has no e-mail address.",
    "sent": "Was sent already.",
    "coming": "Goes out by itself as soon as its PDF is made.",
    "settled": "Nothing is due of it.",
    "disputed": "Is in dispute.",
    "early": "Is not overdue.",
    "asked": "Stands on an open payment request.",
    "sandbox": "A sandbox mails no customer.",
}


def said(why: str, number: int) -> str:
    """The reason of several invoices: `said("draft", 2)` is "are drafts"."""
    one = {
        "draft": ("is a draft", "are drafts"),
        "issued": ("is no draft", "are no drafts"),
        "voided": ("is voided", "are voided"),
        "paid": ("has been paid, in full or in part", "have been paid, in full or in part"),
        "offset": ("was lowered by a credit note", "were lowered by a credit note"),
        "written_off": ("was written off", "were written off"),
        "deleted": ("has a customer that was deleted", "have customers that were deleted"),
        "address": ("has a customer without e-mail", "have customers without e-mail"),
        "sent": ("was sent already", "were sent already"),
        "coming": ("goes out by itself with its PDF", "go out by themselves with their PDFs"),
        "settled": ("is paid", "are paid"),
        "disputed": ("is in dispute", "are in dispute"),
        "early": ("is not overdue", "are not overdue"),
        "asked": ("stands on an open payment request", "stand on open payment requests"),
        "sandbox": ("is of a sandbox, which mails no customer", "are of a sandbox, which mails no customer"),
    }
    return one[why][number != 1]
