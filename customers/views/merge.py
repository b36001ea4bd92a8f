"""Merging two customers: find the other one, compare, confirm, and the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods

from billing.actions.clock import now
from billing.orm.search import matching
from billing.rules.errors import BillingError
from billing.rules.ids import decode
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.foresee import foresee_merge
from customers.actions.merge import decide, merge_customers, money_moves
from customers.forms.merge import Comparison, MergeForm, chosen_in, strategy_of
from customers.models import Customer, Merge
from customers.queries.duplicates import duplicates_of
from customers.queries.merging import values_of
from customers.queries.overview import customers_by_id
from customers.rules.merging import Strategy
from customers.views.frame import find_customer
from customers.views.merge_words import effects, moved_rows

FOUND = 20
STRATEGIES = (
    (Strategy.KEEP_TARGET, "Keep as it is", "Every value of the customer that stays"),
    (Strategy.FILL_MISSING, "Fill what is missing", "The duplicate's values where the other has none"),
    (Strategy.KEEP_SOURCE, "Take the duplicate's", "The duplicate's values wherever it has one"),
)


@dataclass(frozen=True)
class Couple:
    """The duplicate that goes and the customer that stays."""

    source: Customer
    target: Customer

    def url(self, **query: str) -> str:
        """The page that compares them."""
        return compare_url(self.source, self.target, **query)

    @property
    def version(self) -> str:
        """Which state of both the page shows."""
        return f"{self.source.updated_at.isoformat()} {self.target.updated_at.isoformat()}"


def compare_url(source: Customer, target: Customer, **query: str) -> str:
    """The page that merges the first into the second."""
    path = reverse("customer-merge", args=[source])
    return f"{path}?{urlencode({'into': target.public_id} | query)}"


@require_http_methods(["GET", "POST"])
@access("customers.delete")
def merge(request: StaffRequest, id: UUID) -> HttpResponse:
    """Without `into` the search for the customer that stays; with it the comparison, and on POST the merge."""
    if done_before := receipt_of(request, id):
        return done(request, done_before)
    source = find_customer(request, id)
    into = request.GET.get("into", "")
    if not into:
        return search(request, source)
    key = decode("cust", into)
    if key is None:
        raise Http404("No such customer.")
    couple = Couple(source, find_customer(request, key))
    form = MergeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (answer := carry_out(request, couple, form)):
        return answer
    return compare(request, couple, form)


def receipt_of(request: StaffRequest, id: UUID) -> str:
    """The receipt when the customer has been merged already: by a second click, say. Else nothing."""
    found = Merge.objects.of(request.organization).filter(source=id).first()
    return reverse("customer-merge-receipt", args=[found]) if found else ""


def search(request: StaffRequest, source: Customer) -> HttpResponse:
    """Customers by name, e-mail or external ID; without a search those that look alike."""
    term = request.GET.get("q", "").strip()[:100]
    found, alike = [], []
    if term:
        others = Customer.objects.of(request.organization).present().exclude(pk=source.pk)
        rows = matching(others, term).order_by("name", "pk").values_list("pk", flat=True)[:FOUND]
        found = [(row, compare_url(source, row)) for row in customers_by_id(rows)]
    else:
        alike = [(row, why, compare_url(source, row)) for row, why in duplicates_of(source)]
    context = {"customer": source, "q": term, "found": found, "alike": alike}
    return render_page(request, "customers/merge/search.html", context, partials=("drawer", "merge-found"))


def carry_out(request: StaffRequest, couple: Couple, form: MergeForm) -> HttpResponse | None:
    """Merge as the form says; None with the reason on the form when that is refused."""
    if form.data.get("version", couple.version) != couple.version:
        form.add_error(None, "One of them was changed meanwhile. Look at the values again and confirm.")
        return None
    try:
        done_merge = merge_customers(
            couple.source,
            couple.target,
            form.cleaned_data["strategy"],
            chosen_in(request.POST),
            confirmation=form.cleaned_data["confirmation"],
            by=request.actor,
            at=now(request.organization),
        )
    except BillingError as error:
        add_error(form, error)
        return None
    text = f"{couple.source.display_name} was merged into {done_merge.target.display_name}."
    return done(request, reverse("customer-merge-receipt", args=[done_merge]), text)


def compare(request: StaffRequest, couple: Couple, form: MergeForm) -> HttpResponse:
    """Both side by side, and what moves, found by merging and taking it back."""
    posted = request.method == "POST"
    strategy = strategy_of((request.POST if posted else request.GET).get("strategy", ""))
    chosen = chosen_in(request.POST) if posted else {}
    source, target = couple.source, couple.target
    refused, counts = "", None
    try:
        decisions = decide(source, target, strategy, chosen)
    except BillingError:  # said on the form; the page shows the preset again
        chosen = {}
        decisions = decide(source, target, strategy, chosen)
    try:
        counts = foresee_merge(
            source, target, strategy, chosen, by=request.actor, at=now(request.organization)
        )
    except BillingError as error:
        refused = str(error)
    comparison = Comparison(request.organization, target, source)
    context: dict[str, Any] = {
        "couple": couple,
        "customer": source,
        "target": target,
        "form": form,
        "strategy": strategy,
        "strategies": [
            {"label": label, "hint": hint, "url": couple.url(strategy=value), "active": value == strategy}
            for value, label, hint in STRATEGIES
        ],
        "swap_url": Couple(target, source).url(strategy=strategy),
        "rows": comparison.rows(decisions),
        "same": comparison.same(values_of(target), values_of(source)),
        "refused": refused,
        "moves": moved_rows(counts) if counts else [],
        "effects": effects(source, target, counts) if counts else [],
        "money": bool(counts and money_moves(counts)),
    }
    status = 422 if form.errors else 200
    return render_page(request, "customers/merge/compare.html", context, status=status)


@require_GET
@access("customers.delete")
def pair(request: StaffRequest) -> HttpResponse:
    """Two customers selected in the list, `?customers=a,b`: the younger one is taken as the duplicate."""
    words = [word for value in request.GET.getlist("customers") for word in value.split(",") if word.strip()]
    keys = {decode("cust", word) for word in words}
    if len(keys) != 2:
        text = "Select exactly two customers to merge them."
        return done(request, reverse("customer-duplicates"), text, kind="info")
    if None in keys:
        raise Http404("No such customer.")
    older, younger = sorted(
        (find_customer(request, key) for key in keys if key), key=lambda row: (row.created_at, row.pk)
    )
    return redirect(compare_url(younger, older))


def follow_merge(request: StaffRequest, id: UUID) -> HttpResponse:
    """From the page of a merged customer to the one that has its records now; 404 for any other."""
    rows = Customer.objects.of(request.organization).exclude(merged_into=None).select_related("merged_into")
    gone: Customer = rows.get_or_404(pk=id)
    target = gone.merged_into
    if target is None or target.deleted_at:
        raise Http404("No such customer.")
    text = f"{gone.display_name} was merged into {target.display_name}."
    return done(request, reverse("customer", args=[target]), text, kind="info")


@require_GET
@access("customers.view")
def receipt(request: StaffRequest, id: UUID) -> HttpResponse:
    """What a merge has done, for as long as it is asked for."""
    rows = Merge.objects.of(request.organization).select_related("source", "target__billing_entity")
    found: Merge = rows.get_or_404(pk=id)
    here = found.target.merged_into or found.target
    words = Comparison(request.organization, found.target, found.source)
    context = {
        "merge": found,
        "target": here,
        "moves": moved_rows(found.counts),
        "fields": [
            {
                "label": words.label(name),
                "before": words.stored(name, before),
                "after": words.stored(name, after),
            }
            for name, (before, _, after) in found.fields.items()
            if before != after
        ],
        "strategy": {value: label for value, label, _ in STRATEGIES}.get(Strategy(found.strategy)),
    }
    return render_page(request, "customers/merge/receipt.html", context)
