"""From facts to an e-mail: subject, plain text and HTML in one language. Pure: no database, no clock, no sending.

`compose(kind, language, facts)` is all there is to call. Kinds are those of `MailKind`; a `reminder` whose `days` are
below zero speaks of a due date that is still to come. `template` puts a billing entity's own subject and introduction
in place of ours. What is sent, and when, is `invoicing/actions/mail.py`:

    text = compose("payment_request", "de", MailFacts(seller="Acme GmbH", customer="Globex", amount_minor=12300, …))
    queue_mail("payment_request", subject=request, customer=…, to=[…], text=text, key=…, by=by, at=at)

Laws: everything from people is escaped in the HTML; no line break gets into the subject; the mail fetches nothing
(the logo comes along as `cid:logo`), follows nobody and runs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.template.loader import render_to_string

from billing.rules.bidi import isolated
from invoicing.documents.clean import clean
from invoicing.documents.labels import labels
from invoicing.documents.local_text import day, money, right_to_left
from invoicing.documents.mail_words import mail_words
from invoicing.rules.addresses import one_line
from invoicing.rules.mail_templates import PLACEHOLDERS

HOLE = re.compile(r"\{([a-z_]+)\}")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
DEFAULT_ACCENT = "#0e6f7c"
MOST_SUBJECT = 300


@dataclass(frozen=True)
class OpenInvoice:
    """An invoice in a list: what is still open of it, and since when."""

    number: str
    amount_minor: int
    due_on: date | None = None


@dataclass(frozen=True)
class MailFacts:
    """What an e-mail tells; amounts are minor units of `currency`.

    `amount_minor` is what it is about: the total of an invoice or credit note, what was paid, what is open and asked
    for. `open_minor` is what is left to pay, where that is another amount. `about` is the invoice that a credit note
    corrects. `days` after the due date, below zero before it. `link` has a button: `pays` says whether one can pay
    there. `note` is a sentence of staff, `signature` what stands below: the seller's address. `files` are the names
    of what is attached. `accent` is a colour such as #0e6f7c.
    """

    seller: str
    customer: str = ""
    number: str = ""
    currency: str = "EUR"
    amount_minor: int = 0
    open_minor: int | None = None
    issued_on: date | None = None
    due_on: date | None = None
    paid_on: date | None = None
    days: int = 0
    about: str = ""
    invoices: tuple[OpenInvoice, ...] = ()
    link: str = ""
    pays: bool = False
    note: str = ""
    signature: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    accent: str = DEFAULT_ACCENT
    has_logo: bool = False


@dataclass(frozen=True)
class MailTemplate:
    """A billing entity's own words; what is empty is ours."""

    subject: str = ""
    intro: str = ""


@dataclass(frozen=True)
class MailText:
    """A composed e-mail."""

    subject: str
    text: str
    html: str
    language: str


def compose(kind: str, language: str, facts: MailFacts, template: MailTemplate | None = None) -> MailText:
    """The e-mail in its language. Raises KeyError for an unknown kind."""
    words = mail_words(language)
    values = placeholders(facts, language)
    form = "reminder_early" if kind == "reminder" and facts.days < 0 else kind
    own = template or MailTemplate()
    subject = one_line(filled(own.subject or words[f"{form}.subject"], values), MOST_SUBJECT)
    intro = filled(own.intro or words[f"{form}.intro"], values)
    hello = filled(words["hello" if values["customer"] else "hello_nobody"], values)
    context: dict[str, Any] = {
        "subject": subject,
        "language": language or "en",
        "direction": "rtl" if right_to_left(language) else "ltr",
        "hello": hello,
        "paragraphs": paragraphs(intro) + paragraphs(clean(facts.note, 2000)),
        "rows": rows(kind, language, facts),
        "invoices": [
            (
                row.number,
                day(row.due_on, language) if row.due_on else "",
                money(row.amount_minor, facts.currency, language),
            )
            for row in facts.invoices
        ],
        "label": labels(language),
        "word": words,
        "button": words["button.pay" if facts.pays else "button.view"],
        "link": safe_link(facts.link),
        "files": facts.files,
        "seller": clean(facts.seller, 200),
        "signature": tuple(clean(line, 255) for line in facts.signature),
        "accent": facts.accent if COLOUR.fullmatch(facts.accent) else DEFAULT_ACCENT,
        "has_logo": facts.has_logo,
    }
    context["on_accent"] = text_on(str(context["accent"]))
    html = render_to_string("emails/customer.html", context)
    return MailText(subject=subject, text=plain(context), html=html, language=language or "en")


def placeholders(facts: MailFacts, language: str) -> dict[str, str]:
    """What stands for each of `PLACEHOLDERS`."""
    values = {
        "number": facts.number or ", ".join(row.number for row in facts.invoices[:5]),
        "customer": one_line(clean(facts.customer, 200)),
        "company": one_line(clean(facts.seller, 200)),
        "amount": money(facts.amount_minor, facts.currency, language),
        "due_date": day(facts.due_on, language) if facts.due_on else "",
        "days": str(abs(facts.days)),
    }
    if right_to_left(language):
        values |= {name: isolated(values[name]) for name in ("number", "customer", "company")}
    return {name: values[name] for name in PLACEHOLDERS}


def filled(template: str, values: dict[str, str]) -> str:
    """The template with its holes filled, once: a name that looks like a placeholder stays a name."""
    return HOLE.sub(lambda found: values.get(found[1], found[0]), template)


def rows(kind: str, language: str, facts: MailFacts) -> list[tuple[str, str, bool]]:
    """The facts below the introduction as (label, value, strong)."""
    label, word = labels(language), mail_words(language)
    amount = money(facts.amount_minor, facts.currency, language)
    found: list[tuple[str, str, bool]] = []

    def add(name: str, value: str, strong: bool = False) -> None:
        if value:
            found.append((name, value, strong))

    add(label["number"], facts.number)
    add(label["corrects"], facts.about)
    add(label["issued"], day(facts.issued_on, language) if facts.issued_on else "")
    add(word["received"], day(facts.paid_on, language) if facts.paid_on else "")
    add(label["due"], day(facts.due_on, language) if facts.due_on else "")
    names = {"invoice": "total", "credit_note": "credited", "receipt": "paid"}
    add(label[names.get(kind, "amount_due")], amount, True)
    if facts.open_minor is not None:
        left = money(facts.open_minor, facts.currency, language)
        add(label["amount_due"], left if facts.open_minor else label["nothing_due"])
    return found


def plain(context: dict[str, Any]) -> str:
    """The same as text. Built here and not by a template, which would escape for HTML."""
    word, label = context["word"], context["label"]
    parts = [str(context["hello"]), *context["paragraphs"]]
    facts = [f"{name}: {value}" for name, value, _ in context["rows"]]
    if context["invoices"]:
        facts += ["", f"{word['invoices']}:"]
        facts += [
            "  ".join(part for part in (number, f"{label['due']} {due}" if due else "", amount) if part)
            for number, due, amount in context["invoices"]
        ]
    parts.append("\n".join(facts))
    if context["link"]:
        parts.append(f"{context['button']}: {context['link']}")
    if context["files"]:
        parts.append(f"{word['attached']}: {', '.join(context['files'])}")
    lines = [f"{word['closing']}", str(context["seller"]), *context["signature"]]
    return "\n\n".join([*parts, "\n".join(lines)]) + "\n"


def paragraphs(text: str) -> list[str]:
    """Text between empty lines."""
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def safe_link(link: str) -> str:
    """A web address, or nothing."""
    return link if re.fullmatch(r"https?://[^\s\"'<>]+", link) else ""


def text_on(colour: str) -> str:
    """Black or white, whichever can be read better on a colour (WCAG's relative luminance)."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    # Thousandths, without float: the square stands for the gamma.
    light = sum(weight * part * part for weight, part in zip((213, 715, 72), parts, strict=True))
    return "#16212b" if light > 1000 * 255 * 255 * 45 // 100 else "#ffffff"
