"""From a statement of account to the printed document: the customer's language, its billing entity's letterhead."""

from __future__ import annotations

from customers.models import Customer
from customers.queries.ageing import COLUMNS
from customers.queries.statement import Statement
from invoicing.documents.clean import clean
from invoicing.documents.statement import StatementDocument, StatementLine
from invoicing.queries.document import logo_bytes, party
from invoicing.queries.parties import buyer, seller


def statement_document(customer: Customer, found: Statement) -> StatementDocument:
    """The document of a statement as it is now."""
    entity = customer.billing_entity
    locale = customer.locale or entity.locale or "en"
    letterhead = seller(entity)
    ages: tuple[tuple[str, int], ...] = ()
    if found.aged is not None:
        minor = found.aged.minor
        ages = tuple(
            (name, minor[name]) for name in COLUMNS if name != "total" and (name != "disputed" or minor[name])
        )
    return StatementDocument(
        reference=customer.public_id,
        locale=locale,
        currency=found.currency,
        first=found.first,
        last=found.last,
        seller=party(letterhead, locale, legal=True),
        buyer=party(buyer(customer), locale),
        accent=letterhead["brand_color"],
        opening_minor=found.opening_minor,
        closing_minor=found.closing_minor,
        charged_minor=found.charged_minor,
        credited_minor=found.credited_minor,
        lines=tuple(
            StatementLine(
                line.day,
                line.kind,
                line.number,
                "" if line.kind.startswith("write_off") else clean(line.note, 200),
                line.due_on,
                line.charged_minor,
                line.credited_minor,
                0 if line.change_minor else line.amount_minor,
                line.balance_minor,
            )
            for line in found.lines
        ),
        ages=ages,
        on_account_minor=found.on_account_minor or 0,
        payment_details=clean(letterhead["payment_details"], 600),
        footer=clean(letterhead["invoice_footer"], 600),
        logo=logo_bytes(entity, letterhead["logo"]),
    )
