"""What an act on many customers would do, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    UUIDField,
    Value,
    When,
)

from billing.models import BillingEntity
from billing.orm.windows import capped_count
from customers.models import BulkRun, Customer, Provider, VatStatus
from customers.queries.tags import names_of
from customers.rules.bulk import ACTS, MOST, new_tags
from customers.rules.fields import MAX_TAGS

SAMPLE = 8
WHY = {
    "deleting": "being deleted",
    "same": "already so",
    "refused": "refused",
}


@dataclass(frozen=True)
class Forecast:
    """A dry run: how many would change, why the others stay (words, number), and a few with before and after.
    `too_many`: more than one run takes.
    """

    total: int
    changing: int
    staying: list[tuple[str, int]]
    sample: list[tuple[Customer, str, str]]
    too_many: bool = False


def forecast(rows: QuerySet[Any], act: str, value: Any) -> Forecast:
    """What `act` with this value (tag ids, a column's value, a billing entity) would do to the rows. Only reads."""
    if capped_count(rows, MOST) > MOST:
        return Forecast(MOST, 0, [], [], too_many=True)
    judged = rows.order_by().annotate(why=verdict(act, value))
    counts = dict(judged.values_list("why").annotate(n=Count("pk")))
    changing = judged.filter(why="change").select_related("billing_entity").order_by("-created_at", "-pk")
    sample = [(row, *before_and_after(row, act, value)) for row in changing[:SAMPLE]]
    reasons = WHY | {"refused": refusal(act)}
    if not ACTS[act].column:
        reasons["same"] = "confirmed by hand"
    staying = [(reasons[why], counts[why]) for why in WHY if counts.get(why)]
    return Forecast(sum(counts.values()), counts.get("change", 0), staying, sample)


def verdict(act: str, value: Any) -> Case:
    """One word for a customer: deleting, same, refused or change."""
    column = ACTS[act].column
    refused = Q(pk__in=[])
    if act == "add_tags":
        same, refused = Q(tag_ids__contains=value), too_many_tags(value)
    elif act == "remove_tags":
        same = ~Q(tag_ids__overlap=value)
    elif not column:
        same = Q(vat_status=VatStatus.MANUAL.value)
        off = Q(vat_validation_disabled=True) | Q(organization__vat_validation_enabled=False)
        refused = Q(tax_id="") | off
    else:
        same = Q(**{column: value}) if value is not None else Q(**{f"{column}__isnull": True})
    if act == "set_provider" and value:
        refused = Q(disabled_providers__contains=[value])
    return Case(
        When(deleting_at__isnull=False, then=Value("deleting")),
        When(same, then=Value("same")),
        When(refused, then=Value("refused")),
        default=Value("change"),
        output_field=CharField(),
    )


def too_many_tags(tags: list[Any]) -> Q:
    """Customers that would have more tags than one may have."""
    together = Func(
        F("tag_ids"),
        Value(tags, output_field=ArrayField(UUIDField())),
        template="cardinality(ARRAY(SELECT DISTINCT unnest(%(expressions)s)))",
        arg_joiner=" || ",
        output_field=IntegerField(),
    )
    return Q(Exceeds(together, MAX_TAGS))


class Exceeds(Func):
    """Whether a number is greater than another."""

    template = "%(expressions)s"
    arg_joiner = " > "

    def __init__(self, number: Any, most: int) -> None:
        super().__init__(number, Value(most), output_field=BooleanField())


def refusal(act: str) -> str:
    """Why an act is refused for a customer."""
    if act == "check_vat":
        return "no tax ID, or VAT checks are switched off"
    return f"would have more than {MAX_TAGS} tags" if act == "add_tags" else "this provider is disabled there"


def before_and_after(row: Customer, act: str, value: Any) -> tuple[str, str]:
    """The value of a customer now and then, in words."""
    if ACTS[act].needs == "tags":
        come, go = new_tags(act, row.tag_ids, value)
        then = [key for key in row.tag_ids if key not in go] + list(come)
        return ", ".join(names_of(row.tag_ids)), ", ".join(names_of(then))
    if not ACTS[act].column:
        return VatStatus(row.vat_status).label, "Asked about again"
    now = getattr(row, ACTS[act].column)
    return words(act, now), words(act, value)


def words(act: str, value: Any) -> str:
    """A value of an act for people."""
    if act == "set_term":
        return "the billing entity's" if value is None else f"{value} day{'' if value == 1 else 's'}"
    if act == "set_provider":
        return str(dict(Provider.choices).get(value, "none"))
    return str(value).capitalize() if act == "set_status" else str(value)


def described(run: BulkRun) -> str:
    """What a run does, in words: "Add tags: Reseller, VIP"."""
    origin = run.params.get("of")
    act, value = run.act, run.params.get("value")
    if origin:
        return f"Undo: {origin['described']}"
    if not ACTS[act].needs:
        return ACTS[act].label
    if ACTS[act].needs == "tags":
        said = ", ".join(names_of(value))
    elif act == "set_entity":
        said = str(BillingEntity.objects.of(run.organization_id).filter(pk=value).first())
    else:
        said = words(act, value)
    return f"{ACTS[act].label}: {said or '–'}"


def outcomes(run: BulkRun) -> dict[str, int]:
    """How many rows have each outcome."""
    return dict(run.rows.order_by().values_list("outcome").annotate(n=Count("pk")))
