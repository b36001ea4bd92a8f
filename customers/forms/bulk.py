"""What an act on many customers must be told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from billing.forms.lists import with_empty
from billing.models import BillingEntity, Organization
from billing.web.once import OnceForm
from customers.forms.tags import TagChoice, tag_choices
from customers.models import CustomerStatus, Provider
from customers.rules.bulk import Act
from customers.rules.values import MAX_DAYS


class BulkForm(OnceForm):
    """The value of an act: one field, by what the act needs; none when it needs nothing."""

    def __init__(self, *args: Any, act: Act, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.act = act
        self.entities = {row.public_id: row for row in BillingEntity.objects.of(organization).kept()}
        if act.needs:
            self.fields[act.needs] = self.field_for(act.needs, organization)

    def field_for(self, needs: str, organization: Organization) -> forms.Field:
        """The field of the act."""
        if needs == "tags":
            field = TagChoice(organization, [], label="Tags")
            field.required = True
            field.error_messages["required"] = "Choose at least one tag."
            return field
        if needs == "status":
            return forms.ChoiceField(choices=CustomerStatus.choices, widget=forms.RadioSelect)
        if needs == "term":
            return forms.IntegerField(
                label="Payment term in days",
                min_value=0,
                max_value=MAX_DAYS,
                required=False,
                help_text="Empty: the billing entity's own.",
            )
        if needs == "entity":
            named = [(key, row.name) for key, row in self.entities.items()]
            return forms.ChoiceField(label="Billing entity", choices=with_empty("Choose", named))
        return forms.ChoiceField(
            label="Preferred provider", choices=with_empty("None", Provider.choices), required=False
        )

    @property
    def tag_choices(self) -> list[dict[str, Any]]:
        """For the template."""
        return tag_choices(self)

    def value(self) -> Any:
        """As customers hold it; for tags their ids."""
        if not self.act.needs:
            return None
        given = self.cleaned_data[self.act.needs]
        if self.act.needs == "tags":
            return [UUID(key) for key in given]
        return self.entities[given] if self.act.needs == "entity" else given
