"""Where the figures of an invoice come from: of a line its metric, charge and prices; of the invoice its sums in the
order in which they are computed (`invoicing/rules/totals.py`).

All of it is plain data. Amounts, units, steps and taxes are frozen with an invoice; what the metric and the plan are
called and how the metric measures is read as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.models import AuditEntry, PlanVersion
from billing.queries.versions import version_of
from billing.rules.money import ZERO, exact
from billing.rules.price_versions import is_own
from invoicing.models import BEFORE_TAX, Invoice, InvoiceDeduction, InvoiceLine, InvoiceTax
from invoicing.queries.counted import Source, carried_over, charge_then, source_of

LINES, TOTAL = "lines", "total"
EDITS = ("invoice.line_edited", "invoice.line_added")


@dataclass(frozen=True)
class Rung:
    """One step from the lines to the total: `key` names its explanation, `minor` is negative where it takes off,
    `after` what stands then.
    """

    key: str
    kind: str
    label: str
    minor: int
    after: int


def origin_of(line: InvoiceLine) -> tuple[dict[str, Any], Source | None]:
    """{"metric", "charge", "prices", "carried", "changed"}: what a line measured, by which terms, who changed it by
    hand, and where its events are. What does not apply is left out.
    """
    found: dict[str, Any] = {}
    source: Source | None = None
    if line.charge is not None:
        charge = charge_then(line)
        source = source_of(line, charge)
        metric = charge.metric
        found["metric"] = {
            "id": metric.public_id,
            "name": metric.name,
            "code": metric.code,
            "aggregation": metric.aggregation,
            "field": metric.measures,
            "rounding": metric.rounding,
            "precision": metric.rounding_precision,
            "recurring": metric.recurring,
        }
        found["charge"] = {
            "model": charge.charge_model,
            "prorated": charge.prorated,
            "payInAdvance": charge.pay_in_advance,
            "minimum": charge.min_amount_minor,
        }
        if source is not None and (carried := carried_over(source)) is not None:
            found["carried"] = f"{carried:f}"
    if line.subscription is not None and line.period_start is not None:
        found["prices"] = prices_of(line)
    if line.edited and (entry := edit_entry(line)) is not None:
        found["changed"] = {"by": entry.actor_label, "at": entry.at.isoformat()}
    return found, source


def edit_entry(line: InvoiceLine) -> AuditEntry | None:
    """The trail's last entry about a change of a line by hand. None where it cannot be told: another changed line of
    the invoice is called the same.
    """
    invoice = line.invoice
    if invoice.voided_invoice_id is not None:
        remade = AuditEntry.objects.filter(subject_id=invoice.voided_invoice_id, action="invoice.regenerated")
        return remade.first()
    alike = invoice.lines.filter(description=line.description, edited__isnull=False).exclude(pk=line.pk)
    if alike.exists():
        return None
    entries = AuditEntry.objects.filter(subject_id=invoice.pk, action__in=EDITS)
    return entries.filter(changes__line__1=line.description).first()


def prices_of(line: InvoiceLine) -> dict[str, Any]:
    """{"plan", "planId", "version", "own", "since"}: whose prices a line was billed at, and since when the catalogue
    has them.
    """
    subscription = line.subscription
    assert subscription is not None and line.period_start is not None  # noqa: S101 - the caller has looked
    plan = subscription.plan
    version = version_of(subscription, plan, line.period_start)
    versions = PlanVersion.objects.filter(plan=plan)
    if is_own(version):
        since = versions.filter(number=version).values_list("created_at", flat=True).first()
    else:
        since = versions.filter(number=version - 1).values_list("replaced_at", flat=True).first()
    return {
        "plan": plan.name,
        "planId": plan.public_id,
        "version": None if is_own(version) else version,
        "own": is_own(version),
        "since": (since or plan.created_at).isoformat(),
    }


def rungs_of(
    invoice: Invoice, deductions: Sequence[InvoiceDeduction], taxes: Sequence[InvoiceTax]
) -> list[Rung]:
    """From the lines to the total, in the order in which an invoice is computed."""
    stands = invoice.lines_minor
    found = [Rung(LINES, LINES, "All lines", stands, stands)]

    def add(row: Any, kind: str, label: str, minor: int) -> None:
        nonlocal stands
        stands += minor
        found.append(Rung(row.public_id, kind, label, minor, stands))

    for kind in BEFORE_TAX:
        for row in deductions:
            if row.kind == kind:
                add(row, kind, f"{row.get_kind_display()}: {row.label}", -row.amount_minor)
    for tax in taxes:
        add(tax, "tax", f"{tax.name} {tax.rate.normalize():f} %", tax.amount_minor)
    for kind in ("credit_note", "wallet"):
        for row in deductions:
            if row.kind == kind:
                add(row, kind, f"{row.get_kind_display()}: {row.label}", -row.amount_minor)
    found.append(Rung(TOTAL, TOTAL, "Total", invoice.total_minor, invoice.total_minor))
    return found


def taxable(line: InvoiceLine) -> Decimal:
    """What of a line is taxed, exact, in minor units: less what is billed already and its share of the coupons."""
    with exact():
        return line.amount_minor - line.progressive_minor - Decimal(line.coupon_minor)


def taxed_by(lines: Sequence[InvoiceLine], tax: InvoiceTax) -> list[InvoiceLine]:
    """The lines that a row of the tax table taxes."""
    return [
        line
        for line in lines
        if any(item["code"] == tax.code and Decimal(item["rate"]) == tax.rate for item in line.taxes)
    ]


def base_of(lines: Sequence[InvoiceLine]) -> Decimal:
    """What of some lines is taxed together."""
    with exact():
        return sum((taxable(line) for line in lines), ZERO)
