"""UBL 2.1: an invoice, or a credit note with a root of its own.

Law: the order of elements is that of the OASIS schemas; everything that is written stands in `EInvoice`. It says that
it follows Peppol BIS Billing 3.0 only when it does; else it is an e-invoice of the norm.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

from billing.rules.tax_category import Category
from invoicing.documents.xml import Writer, amount_text, decimal_text
from invoicing.rules.e_invoice import CREDIT_NOTE, EInvoice, ELine, EParty
from invoicing.rules.peppol import lacking

ROOT = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC = f"{ROOT}CommonAggregateComponents-2"
CBC = f"{ROOT}CommonBasicComponents-2"
NORM = "urn:cen.eu:en16931:2017"
CUSTOMIZATION = f"{NORM}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
UNIT = "C62"  # one
DISCOUNT = "95"  # UNCL 5189
TRANSFER, UNNAMED, DANISH_ACCOUNT, SEPA = "30", "1", "42", "58"  # UNCL 4461


def ubl(document: EInvoice) -> bytes:
    """The document as XML, in UTF-8."""
    note = document.kind == CREDIT_NOTE
    name = "CreditNote" if note else "Invoice"
    out = Writer({"": f"{ROOT}{name}-2", "cac": CAC, "cbc": CBC}, name)
    root = out.root
    delivered = not lacking(document)
    out.put(root, "cbc:CustomizationID", CUSTOMIZATION if delivered else NORM)
    out.put(root, "cbc:ProfileID", PROFILE if delivered else "")
    out.put(root, "cbc:ID", document.number)
    out.put(root, "cbc:IssueDate", document.issued_on.isoformat())
    if document.due_on and not note:
        out.put(root, "cbc:DueDate", document.due_on.isoformat())
    out.put(root, f"cbc:{name}TypeCode", document.kind)
    out.put(root, "cbc:Note", document.notes)
    out.put(root, "cbc:DocumentCurrencyCode", document.currency)
    out.put(root, "cbc:BuyerReference", document.buyer_reference)
    period(out, root, document.start, document.end)
    if document.order:
        out.put(out.sub(root, "cac:OrderReference"), "cbc:ID", document.order)
    if document.corrects:
        reference = out.sub(out.sub(root, "cac:BillingReference"), "cac:InvoiceDocumentReference")
        out.put(reference, "cbc:ID", document.corrects)
        out.put(reference, "cbc:IssueDate", document.corrects_on.isoformat() if document.corrects_on else "")
    hidden = document.out_of_scope
    party(out, out.sub(root, "cac:AccountingSupplierParty"), document.seller, seller=True, hidden=hidden)
    party(out, out.sub(root, "cac:AccountingCustomerParty"), document.buyer, hidden=hidden)
    if document.delivered_to:
        delivery = out.sub(root, "cac:Delivery")
        out.put(delivery, "cbc:ActualDeliveryDate", (document.end or document.issued_on).isoformat())
        place = out.sub(out.sub(delivery, "cac:DeliveryLocation"), "cac:Address")
        out.put(out.sub(place, "cac:Country"), "cbc:IdentificationCode", document.delivered_to)
    if not note or document.within("DE"):
        payment(out, root, document)
    totals(out, root, document)
    for line in document.lines:
        line_of(out, root, document, line, "CreditNote" if note else "Invoice")
    return out.text()


def payment(out: Writer, root: ET.Element, document: EInvoice) -> None:
    """BG-16 and BT-20."""
    code, account, branch = account_of(document)
    means = out.sub(root, "cac:PaymentMeans")
    out.put(means, "cbc:PaymentMeansCode", code)
    if document.kind != CREDIT_NOTE:
        out.put(means, "cbc:PaymentID", document.number)
    if account:
        payee = out.sub(means, "cac:PayeeFinancialAccount")
        out.put(payee, "cbc:ID", account)
        if branch:
            out.put(out.sub(payee, "cac:FinancialInstitutionBranch"), "cbc:ID", branch)
    if document.terms:
        out.put(out.sub(root, "cac:PaymentTerms"), "cbc:Note", document.terms)


def account_of(document: EInvoice) -> tuple[str, str, str]:
    """(BT-81, BT-84, BT-86): a transfer to the account in the terms; among Danish parties, who have other codes, to
    the account and the bank's number that a Danish IBAN is made of.
    """
    iban = document.iban
    if not iban or document.kind == CREDIT_NOTE:
        return UNNAMED, "", ""
    if not document.within("DK"):
        return TRANSFER, iban, ""
    if iban.startswith("DK"):
        return DANISH_ACCOUNT, iban[8:], iban[4:8]
    return (SEPA if document.currency == "EUR" else UNNAMED), iban, ""


def totals(out: Writer, root: ET.Element, document: EInvoice) -> None:
    """Document allowances, the VAT breakdown and the sums."""
    code = document.currency
    for item in document.allowances:
        node = out.sub(root, "cac:AllowanceCharge")
        out.put(node, "cbc:ChargeIndicator", "false")
        out.put(node, "cbc:AllowanceChargeReasonCode", DISCOUNT)
        out.put(node, "cbc:AllowanceChargeReason", item.reason)
        out.put(node, "cbc:Amount", amount_text(item.amount), currencyID=code)
        category(out, node, "cac:TaxCategory", item.category, item.rate)
    tax = out.sub(root, "cac:TaxTotal")
    out.put(tax, "cbc:TaxAmount", amount_text(document.vat_total), currencyID=code)
    for row in document.vat:
        part = out.sub(tax, "cac:TaxSubtotal")
        out.put(part, "cbc:TaxableAmount", amount_text(row.base), currencyID=code)
        out.put(part, "cbc:TaxAmount", amount_text(row.amount), currencyID=code)
        category(
            out,
            part,
            "cac:TaxCategory",
            row.category,
            row.rate,
            reason_code=row.reason_code,
            reason=row.reason,
            always=document.within("DE"),
        )
    sums = out.sub(root, "cac:LegalMonetaryTotal")
    for name, value in (
        ("LineExtensionAmount", document.lines_total),
        ("TaxExclusiveAmount", document.net_total),
        ("TaxInclusiveAmount", document.gross_total),
        ("AllowanceTotalAmount", document.allowances_total),
        ("PrepaidAmount", document.prepaid),
        ("PayableAmount", document.payable),
    ):
        out.put(sums, f"cbc:{name}", amount_text(value), currencyID=code)


def line_of(out: Writer, root: ET.Element, document: EInvoice, line: ELine, name: str) -> None:
    """BG-25."""
    node = out.sub(root, f"cac:{name}Line")
    out.put(node, "cbc:ID", line.number)
    quantity = "Credited" if document.kind == CREDIT_NOTE else "Invoiced"
    out.put(node, f"cbc:{quantity}Quantity", decimal_text(line.quantity), unitCode=UNIT)
    out.put(node, "cbc:LineExtensionAmount", amount_text(line.net), currencyID=document.currency)
    period(out, node, line.start, line.end)
    item = out.sub(node, "cac:Item")
    out.put(item, "cbc:Name", line.name)
    category(out, item, "cac:ClassifiedTaxCategory", line.category, line.rate)
    price = out.sub(node, "cac:Price")
    out.put(price, "cbc:PriceAmount", decimal_text(line.price), currencyID=document.currency)


def category(
    out: Writer,
    parent: ET.Element,
    tag: str,
    kind: Category,
    rate: Decimal,
    *,
    reason_code: str = "",
    reason: str = "",
    always: bool = False,
) -> None:
    """A VAT category; one that is out of scope has no rate unless it is `always` given."""
    node = out.sub(parent, tag)
    out.put(node, "cbc:ID", kind)
    out.put(node, "cbc:Percent", decimal_text(rate) if always or kind is not Category.OUT_OF_SCOPE else "")
    out.put(node, "cbc:TaxExemptionReasonCode", reason_code)
    out.put(node, "cbc:TaxExemptionReason", reason)
    out.put(out.sub(node, "cac:TaxScheme"), "cbc:ID", "VAT")


def period(out: Writer, parent: ET.Element, start: date | None, end: date | None) -> None:
    """BG-14 or BG-26."""
    if start and end:
        node = out.sub(parent, "cac:InvoicePeriod")
        out.put(node, "cbc:StartDate", start.isoformat())
        out.put(node, "cbc:EndDate", end.isoformat())


def party(out: Writer, parent: ET.Element, who: EParty, *, seller: bool = False, hidden: bool) -> None:
    """BG-4 or BG-7. `hidden`: no VAT number may be named."""
    node = out.sub(parent, "cac:Party")
    if who.address:
        scheme, value = who.address
        out.put(node, "cbc:EndpointID", value, schemeID=scheme)
    if who.trading_name:
        out.put(out.sub(node, "cac:PartyName"), "cbc:Name", who.trading_name)
    place = out.sub(node, "cac:PostalAddress")
    for name, value in (
        ("StreetName", who.line1),
        ("AdditionalStreetName", who.line2),
        ("CityName", who.city),
        ("PostalZone", who.postal_code),
        ("CountrySubentity", who.state),
    ):
        out.put(place, f"cbc:{name}", value)
    out.put(out.sub(place, "cac:Country"), "cbc:IdentificationCode", who.country)
    numbers = [("VAT", who.vat_id)] + ([("TAX", who.registration)] if seller else [])
    for scheme, number in numbers:
        if number and not hidden:
            tax = out.sub(node, "cac:PartyTaxScheme")
            out.put(tax, "cbc:CompanyID", number)
            out.put(out.sub(tax, "cac:TaxScheme"), "cbc:ID", scheme)
    legal = out.sub(node, "cac:PartyLegalEntity")
    out.put(legal, "cbc:RegistrationName", who.name)
    register, number = who.legal
    out.put(legal, "cbc:CompanyID", number, **({"schemeID": register} if register else {}))
    if who.phone or who.email:
        contact = out.sub(node, "cac:Contact")
        out.put(contact, "cbc:Name", who.name if seller else "")
        out.put(contact, "cbc:Telephone", who.phone)
        out.put(contact, "cbc:ElectronicMail", who.email)
