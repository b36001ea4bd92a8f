"""UN/CEFACT Cross Industry Invoice in the profile EN 16931, which is what Factur-X and ZUGFeRD carry inside a PDF.

Law: the order of elements is that of the D16B schemas; everything that is written stands in `EInvoice`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

from billing.rules.tax_category import Category
from invoicing.documents.ubl import DISCOUNT, TRANSFER, UNIT, UNNAMED
from invoicing.documents.xml import Writer, amount_text, decimal_text
from invoicing.rules.e_invoice import CREDIT_NOTE, EInvoice, ELine, EParty

DATA = "urn:un:unece:uncefact:data:"
SPACES = {
    "rsm": f"{DATA}standard:CrossIndustryInvoice:100",
    "ram": f"{DATA}standard:ReusableAggregateBusinessInformationEntity:100",
    "qdt": f"{DATA}standard:QualifiedDataType:100",
    "udt": f"{DATA}standard:UnqualifiedDataType:100",
}
PROFILE = "urn:cen.eu:en16931:2017"
DAY = "102"  # CCYYMMDD


def cii(document: EInvoice) -> bytes:
    """The document as XML, in UTF-8."""
    out = Writer(SPACES, "rsm:CrossIndustryInvoice")
    context = out.sub(out.root, "rsm:ExchangedDocumentContext")
    out.put(out.sub(context, "ram:GuidelineSpecifiedDocumentContextParameter"), "ram:ID", PROFILE)
    head = out.sub(out.root, "rsm:ExchangedDocument")
    out.put(head, "ram:ID", document.number)
    out.put(head, "ram:TypeCode", document.kind)
    day(out, head, "ram:IssueDateTime", document.issued_on)
    if document.notes:
        out.put(out.sub(head, "ram:IncludedNote"), "ram:Content", document.notes)
    trade = out.sub(out.root, "rsm:SupplyChainTradeTransaction")
    for line in document.lines:
        line_of(out, trade, line)
    agreement(out, trade, document)
    delivery = out.sub(trade, "ram:ApplicableHeaderTradeDelivery")
    if document.delivered_to:
        place = out.sub(out.sub(delivery, "ram:ShipToTradeParty"), "ram:PostalTradeAddress")
        out.put(place, "ram:CountryID", document.delivered_to)
        event = out.sub(delivery, "ram:ActualDeliverySupplyChainEvent")
        day(out, event, "ram:OccurrenceDateTime", document.end or document.issued_on)
    settlement(out, out.sub(trade, "ram:ApplicableHeaderTradeSettlement"), document)
    return out.text()


def agreement(out: Writer, trade: ET.Element, document: EInvoice) -> None:
    """Who, and on what order."""
    node = out.sub(trade, "ram:ApplicableHeaderTradeAgreement")
    out.put(node, "ram:BuyerReference", document.buyer_reference)
    hidden = document.out_of_scope
    party(out, out.sub(node, "ram:SellerTradeParty"), document.seller, seller=True, hidden=hidden)
    party(out, out.sub(node, "ram:BuyerTradeParty"), document.buyer, hidden=hidden)
    if document.order:
        reference = out.sub(node, "ram:BuyerOrderReferencedDocument")
        out.put(reference, "ram:IssuerAssignedID", document.order)


def settlement(out: Writer, node: ET.Element, document: EInvoice) -> None:
    """Payment, taxes, allowances and sums."""
    note = document.kind == CREDIT_NOTE
    if not note:
        out.put(node, "ram:PaymentReference", document.number)
    out.put(node, "ram:InvoiceCurrencyCode", document.currency)
    if not note:
        means = out.sub(node, "ram:SpecifiedTradeSettlementPaymentMeans")
        out.put(means, "ram:TypeCode", TRANSFER if document.iban else UNNAMED)
        if document.iban:
            account = out.sub(means, "ram:PayeePartyCreditorFinancialAccount")
            out.put(account, "ram:IBANID", document.iban)
    for row in document.vat:
        tax = out.sub(node, "ram:ApplicableTradeTax")
        out.put(tax, "ram:CalculatedAmount", amount_text(row.amount))
        out.put(tax, "ram:TypeCode", "VAT")
        out.put(tax, "ram:ExemptionReason", row.reason)
        out.put(tax, "ram:BasisAmount", amount_text(row.base))
        out.put(tax, "ram:CategoryCode", row.category)
        out.put(tax, "ram:ExemptionReasonCode", row.reason_code)
        out.put(tax, "ram:RateApplicablePercent", rate_text(row.category, row.rate))
    period(out, node, document.start, document.end)
    for item in document.allowances:
        allowance = out.sub(node, "ram:SpecifiedTradeAllowanceCharge")
        out.put(out.sub(allowance, "ram:ChargeIndicator"), "udt:Indicator", "false")
        out.put(allowance, "ram:ActualAmount", amount_text(item.amount))
        out.put(allowance, "ram:ReasonCode", DISCOUNT)
        out.put(allowance, "ram:Reason", item.reason)
        category(out, allowance, "ram:CategoryTradeTax", item.category, item.rate)
    if document.terms or (document.due_on and not note):
        terms = out.sub(node, "ram:SpecifiedTradePaymentTerms")
        out.put(terms, "ram:Description", document.terms)
        if document.due_on and not note:
            day(out, terms, "ram:DueDateDateTime", document.due_on)
    sums = out.sub(node, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    out.put(sums, "ram:LineTotalAmount", amount_text(document.lines_total))
    out.put(sums, "ram:AllowanceTotalAmount", amount_text(document.allowances_total))
    out.put(sums, "ram:TaxBasisTotalAmount", amount_text(document.net_total))
    out.put(sums, "ram:TaxTotalAmount", amount_text(document.vat_total), currencyID=document.currency)
    out.put(sums, "ram:GrandTotalAmount", amount_text(document.gross_total))
    out.put(sums, "ram:TotalPrepaidAmount", amount_text(document.prepaid))
    out.put(sums, "ram:DuePayableAmount", amount_text(document.payable))
    if document.corrects:
        reference = out.sub(node, "ram:InvoiceReferencedDocument")
        out.put(reference, "ram:IssuerAssignedID", document.corrects)
        if document.corrects_on:
            day(out, reference, "ram:FormattedIssueDateTime", document.corrects_on, "qdt")


def line_of(out: Writer, trade: ET.Element, line: ELine) -> None:
    """BG-25."""
    node = out.sub(trade, "ram:IncludedSupplyChainTradeLineItem")
    out.put(out.sub(node, "ram:AssociatedDocumentLineDocument"), "ram:LineID", line.number)
    out.put(out.sub(node, "ram:SpecifiedTradeProduct"), "ram:Name", line.name)
    price = out.sub(out.sub(node, "ram:SpecifiedLineTradeAgreement"), "ram:NetPriceProductTradePrice")
    out.put(price, "ram:ChargeAmount", decimal_text(line.price))
    delivery = out.sub(node, "ram:SpecifiedLineTradeDelivery")
    out.put(delivery, "ram:BilledQuantity", decimal_text(line.quantity), unitCode=UNIT)
    sums = out.sub(node, "ram:SpecifiedLineTradeSettlement")
    category(out, sums, "ram:ApplicableTradeTax", line.category, line.rate)
    period(out, sums, line.start, line.end)
    total = out.sub(sums, "ram:SpecifiedTradeSettlementLineMonetarySummation")
    out.put(total, "ram:LineTotalAmount", amount_text(line.net))


def category(out: Writer, parent: ET.Element, tag: str, kind: Category, rate: Decimal) -> None:
    """A VAT category."""
    node = out.sub(parent, tag)
    out.put(node, "ram:TypeCode", "VAT")
    out.put(node, "ram:CategoryCode", kind)
    out.put(node, "ram:RateApplicablePercent", rate_text(kind, rate))


def rate_text(kind: Category, rate: Decimal) -> str:
    """What is out of scope has no rate."""
    return "" if kind is Category.OUT_OF_SCOPE else decimal_text(rate)


def period(out: Writer, parent: ET.Element, start: date | None, end: date | None) -> None:
    """BG-14 or BG-26."""
    if start and end:
        node = out.sub(parent, "ram:BillingSpecifiedPeriod")
        day(out, node, "ram:StartDateTime", start)
        day(out, node, "ram:EndDateTime", end)


def day(out: Writer, parent: ET.Element, tag: str, value: date, space: str = "udt") -> None:
    """A date."""
    out.put(out.sub(parent, tag), f"{space}:DateTimeString", f"{value:%Y%m%d}", format=DAY)


def party(out: Writer, node: ET.Element, who: EParty, *, seller: bool = False, hidden: bool) -> None:
    """BG-4 or BG-7. `hidden`: no VAT number may be named."""
    out.put(node, "ram:Name", who.name)
    if who.legal_id or who.trading_name:
        legal = out.sub(node, "ram:SpecifiedLegalOrganization")
        register, number = who.legal
        out.put(legal, "ram:ID", number, **({"schemeID": register} if register else {}))
        out.put(legal, "ram:TradingBusinessName", who.trading_name)
    if who.phone or who.email:
        contact = out.sub(node, "ram:DefinedTradeContact")
        out.put(contact, "ram:PersonName", who.name if seller else "")
        if who.phone:
            line = out.sub(contact, "ram:TelephoneUniversalCommunication")
            out.put(line, "ram:CompleteNumber", who.phone)
        if who.email:
            out.put(out.sub(contact, "ram:EmailURIUniversalCommunication"), "ram:URIID", who.email)
    place = out.sub(node, "ram:PostalTradeAddress")
    for name, value in (
        ("PostcodeCode", who.postal_code),
        ("LineOne", who.line1),
        ("LineTwo", who.line2),
        ("CityName", who.city),
        ("CountryID", who.country),
        ("CountrySubDivisionName", who.state),
    ):
        out.put(place, f"ram:{name}", value)
    if who.address:
        scheme, value = who.address
        out.put(out.sub(node, "ram:URIUniversalCommunication"), "ram:URIID", value, schemeID=scheme)
    numbers = [("VA", who.vat_id)] + ([("FC", who.registration)] if seller else [])
    for scheme, number in numbers:
        if number and not hidden:
            out.put(out.sub(node, "ram:SpecifiedTaxRegistration"), "ram:ID", number, schemeID=scheme)
