"""The words that a billing entity puts in place of ours in an e-mail: plain text with placeholders, no code.

A placeholder is a name in braces that the kind of e-mail knows; what it stands for is put in once, so a name that
looks like a placeholder stays a name. Law: a template that `checked` has passed can be filled for every document of
its kind. Example: "Invoice {number} from {company}".
"""

from __future__ import annotations

import re

from billing.rules.errors import Invalid

PLACEHOLDERS = {
    "number": "the number of the document",
    "customer": "the customer's name",
    "company": "the name of the billing entity",
    "amount": "the amount that it is about",
    "due_date": "the day on which it is due",
    "days": "how many days before or after the due date",
}
ALWAYS = ("customer", "company", "amount")
# The kinds of e-mails that have words; a reminder before the due date has others than one after it.
KNOWN: dict[str, tuple[str, ...]] = {
    "invoice": ("number", *ALWAYS, "due_date"),
    "credit_note": ("number", *ALWAYS),
    "receipt": ("number", *ALWAYS),
    "reminder_early": ("number", *ALWAYS, "due_date", "days"),
    "reminder": ("number", *ALWAYS, "due_date", "days"),
    "payment_request": ("number", *ALWAYS),
    "payment_failed": ("number", *ALWAYS),
}
BRACES = re.compile(r"\{([^{}]*)\}")
MOST_SUBJECT, MOST_INTRO = 200, 2000


def checked(form: str, text: str, field: str) -> str:
    """The text without blanks around it. Raises Invalid (code unknown_placeholder or brace) for the field, which
    names what is not known and what is.
    """
    text = text.strip()
    known = KNOWN[form]
    listed = ", ".join(f"{{{name}}}" for name in known)
    for name in BRACES.findall(text):
        if name not in known:
            raise Invalid(
                f"{{{name}}} is not known here. There are {listed}.", code="unknown_placeholder", field=field
            )
    if set(BRACES.sub("", text)) & {"{", "}"}:
        raise Invalid(f"A brace stands alone. Placeholders are written {listed}.", code="brace", field=field)
    if field == "subject" and len(text.splitlines()) > 1:
        raise Invalid("A subject is one line.", code="invalid", field=field)
    return text
