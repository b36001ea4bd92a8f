"""What Peppol BIS Billing 3.0 asks of a UBL document beyond EN 16931, checked on the file alone.

The network's own rules are in no Python package; these are the ones that a document of ours could break. Each fault
begins with the name that the network gives the rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from lxml import etree

from billing.rules.registers import DELIVERED, sound

SPECIFICATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
REASONS = {"VATEX-EU-AE": "AE", "VATEX-EU-G": "G", "VATEX-EU-IC": "K", "VATEX-EU-O": "O"}
DANISH_MEANS = {"1", "10", "31", "42", "48", "49", "50", "58", "59", "93", "97"}
DUTCH_MEANS = {"30", "48", "49", "57", "58", "59"}


class Paper:
    """A document; `at` takes names without their prefixes."""

    def __init__(self, content: bytes) -> None:
        self.root = etree.fromstring(content)
        self.note = etree.QName(self.root).localname == "CreditNote"

    def find(self, path: str, start: etree._Element | None = None) -> list[etree._Element]:
        """The elements at `Name/Name`; a leading `//` looks everywhere."""
        steps = [f"*[local-name()='{name}']" for name in path.removeprefix("//").split("/")]
        found = (self.root if start is None else start).xpath(
            ("//" if path[:2] == "//" else "") + "/".join(steps)
        )
        return list(found)

    def at(self, path: str, start: etree._Element | None = None) -> str:
        """The text of the first; empty when there is none."""
        return next((str(node.text) for node in self.find(path, start)), "")

    def party(self, who: str) -> etree._Element:
        """Supplier or Customer."""
        return self.find(f"Accounting{who}Party/Party")[0]

    def country(self, who: str) -> str:
        """Of its address."""
        return self.at("PostalAddress/Country/IdentificationCode", self.party(who))

    def lacks(self, who: str, *names: str) -> list[str]:
        """Which of these a party has not."""
        return [name for name in names if not self.at(name, self.party(who))]


def peppol_faults(content: bytes) -> list[str]:
    """What the network would refuse."""
    paper = Paper(content)
    checks = (document, parties, amounts, days, germany, denmark, netherlands, others)
    return [fault for check in checks for fault in check(paper)]


def document(paper: Paper) -> Iterator[str]:
    """Profile, references, emptiness, types."""
    if paper.at("CustomizationID") != SPECIFICATION:
        yield "R004: the specification"
    if paper.at("ProfileID") != PROCESS:
        yield "R001, R007: the process"
    if not (paper.at("BuyerReference") or paper.at("OrderReference/ID")):
        yield "R003: a reference of the buyer"
    if len(paper.find("Note")) > 1:
        yield "R002: one note"
    if any(not len(node) and not (node.text or "").strip() for node in paper.root.iter()):
        yield "R008: an empty element"
    kind = paper.at("CreditNoteTypeCode" if paper.note else "InvoiceTypeCode")
    if kind != ("381" if paper.note else "380"):
        yield "P0100, P0101: the type"


def parties(paper: Paper) -> Iterator[str]:
    """Addresses in the network, and numbers of registers."""
    for who, rule in (("Customer", "R010"), ("Supplier", "R020")):
        found = paper.find("EndpointID", paper.party(who))
        if len(found) != 1:
            yield f"{rule}: the address of the {who}"
        elif found[0].get("schemeID") not in DELIVERED:
            yield f"CL008: the address of the {who}"
    for node in paper.find("//EndpointID") + paper.find("//CompanyID"):
        if node.get("schemeID") and not sound(str(node.get("schemeID")), str(node.text)):
            yield f"COMMON: {node.text} is no number of {node.get('schemeID')}"


def amounts(paper: Paper) -> Iterator[str]:
    """One currency, one tax total, quantity times price, and a reason that goes with its category."""
    currency = paper.at("DocumentCurrencyCode")
    if {node.get("currencyID") for node in paper.root.iter() if node.get("currencyID")} != {currency}:
        yield "R051: one currency"
    if len(paper.find("TaxTotal")) != 1 or not paper.find("TaxTotal/TaxSubtotal"):
        yield "R053, R054: one tax total"
    name = "CreditNote" if paper.note else "Invoice"
    for line in paper.find(f"{name}Line"):
        units = Decimal(paper.at(f"{'Credited' if paper.note else 'Invoiced'}Quantity", line))
        price, net = (
            Decimal(paper.at("Price/PriceAmount", line)),
            Decimal(paper.at("LineExtensionAmount", line)),
        )
        if abs(units * price - net) > Decimal("0.02"):
            yield f"R120: {units} times {price} is not {net}"
    for node in paper.find("//TaxCategory"):
        code = paper.at("TaxExemptionReasonCode", node)
        if REASONS.get(code, paper.at("ID", node)) != paper.at("ID", node):
            yield f"P0104 to P0107: {code}"


def days(paper: Paper) -> Iterator[str]:
    """The days of a line lie within those of the document."""
    first, last = paper.at("InvoicePeriod/StartDate"), paper.at("InvoicePeriod/EndDate")
    for line in paper.find(f"{'CreditNote' if paper.note else 'Invoice'}Line"):
        start, end = paper.at("InvoicePeriod/StartDate", line), paper.at("InvoicePeriod/EndDate", line)
        if first and start and date.fromisoformat(start) < date.fromisoformat(first):
            yield f"R110: {start} is before {first}"
        if last and end and date.fromisoformat(end) > date.fromisoformat(last):
            yield f"R111: {end} is after {last}"


def within(paper: Paper, country: str) -> bool:
    """Whether both are there."""
    return paper.country("Supplier") == paper.country("Customer") == country


def germany(paper: Paper) -> Iterator[str]:
    """Between German parties."""
    if not within(paper, "DE"):
        return
    if not paper.find("PaymentMeans"):
        yield "DE-R-001: how to pay"
    for name in paper.lacks("Supplier", "Contact/Name", "Contact/Telephone", "Contact/ElectronicMail"):
        yield f"DE-R-002, 005 to 007: {name}"
    for who in ("Supplier", "Customer"):
        for name in paper.lacks(who, "PostalAddress/CityName", "PostalAddress/PostalZone"):
            yield f"DE-R-003, 004, 008, 009: {name} of the {who}"
    if any(not paper.at("TaxCategory/Percent", node) for node in paper.find("TaxTotal/TaxSubtotal")):
        yield "DE-R-014: a rate"
    if not paper.at("BuyerReference"):
        yield "DE-R-015: the buyer's reference"
    if any(line.strip().startswith("#") for line in paper.at("PaymentTerms/Note").splitlines()):
        yield "DE-R-018: a cash discount"


def denmark(paper: Paper) -> Iterator[str]:
    """Of Danish sellers."""
    if paper.country("Supplier") != "DK":
        return
    legal = paper.find("PartyLegalEntity/CompanyID", paper.party("Supplier"))
    if not legal or legal[0].get("schemeID") != "0184":
        yield "DK-R-002, 014: the CVR number"
    means = paper.at("PaymentMeans/PaymentMeansCode")
    if within(paper, "DK") and not paper.note and means not in DANISH_MEANS:
        yield f"DK-R-005: {means}"
    branch = paper.at("PaymentMeans/PayeeFinancialAccount/FinancialInstitutionBranch/ID")
    if means in {"31", "42"} and not branch:
        yield "DK-R-006: the bank"


def netherlands(paper: Paper) -> Iterator[str]:
    """Of Dutch sellers."""
    if paper.country("Supplier") != "NL":
        return
    if paper.note and not paper.at("BillingReference/InvoiceDocumentReference/ID"):
        yield "NL-R-001: the invoice that it corrects"
    for who in ("Supplier", "Customer") if within(paper, "NL") else ("Supplier",):
        lines = ("PostalAddress/StreetName", "PostalAddress/CityName", "PostalAddress/PostalZone")
        for name in paper.lacks(who, *lines):
            yield f"NL-R-002, 004: {name} of the {who}"
        for node in paper.find("PartyLegalEntity/CompanyID", paper.party(who)):
            if node.get("schemeID") not in {"0106", "0190"}:
                yield f"NL-R-003, 005: the register of the {who}"
    for node in paper.find("PaymentMeans/PaymentMeansCode"):
        if within(paper, "NL") and node.text not in DUTCH_MEANS:
            yield f"NL-R-008: {node.text}"


def others(paper: Paper) -> Iterator[str]:
    """Of sellers in Iceland, Italy, Norway, Sweden and Greece."""
    country, seller = paper.country("Supplier"), paper.party("Supplier")
    legal = next(iter(paper.find("PartyLegalEntity/CompanyID", seller)), None)
    scheme = legal.get("schemeID") if legal is not None else ""
    vat = next(
        (
            paper.at("CompanyID", node)
            for node in paper.find("PartyTaxScheme", seller)
            if paper.at("TaxScheme/ID", node) == "VAT"
        ),
        "",
    )
    if country == "IS" and scheme != "0196":
        yield "IS-R-002: the kennitala"
    if country in {"IS", "IT"}:
        for name in paper.lacks("Supplier", "PostalAddress/StreetName", "PostalAddress/PostalZone"):
            yield f"IS-R-003, IT-R-002 to 004: {name}"
    if country == "SE":
        if legal is not None and scheme != "0007":
            yield "SE-R-003, 004, 013: the organisation number"
        if vat and not (len(vat) == 14 and vat[2:].isdecimal()):
            yield "SE-R-001, 002: the VAT number"
        rates = {
            Decimal(paper.at("Percent", node))
            for node in paper.find("//TaxCategory")
            if paper.at("ID", node) == "S"
        }
        if vat and rates - {Decimal(25), Decimal(12), Decimal(6)}:
            yield "SE-R-006: the rates"
    if vat[:2] == "NO" and not (vat.endswith("MVA") and sound("0192", vat[2:-3])):
        yield "NO-R-001: the VAT number"
    if (vat[:2] or country) in {"EL", "GR"}:
        yield "GR-R-001, 004: the mark"
