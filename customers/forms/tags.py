"""Forms about tags: choosing them for a customer, and the tag itself."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from billing.models import Organization
from customers.models import Customer, Tag, TagColor
from customers.queries.tags import tags_by_id
from customers.rules.fields import MAX_TAG, tags
from customers.rules.values import Refused


class TagChoice(forms.MultipleChoiceField):
    """The tags of the organization as checkboxes; the widget draws each as its chip."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, organization: Organization, chosen: list[Any], **kwargs: Any) -> None:
        self.tags = list(tags_by_id(organization).values())
        choices = [(str(tag.pk), tag.name) for tag in self.tags]
        initial = [str(key) for key in chosen]
        super().__init__(choices=choices, required=False, initial=initial, **kwargs)
        self.names = dict(choices)


def tag_choices(form: forms.BaseForm) -> list[dict[str, Any]]:
    """Each tag with its checkbox, for the template."""
    choice = cast(TagChoice, form.fields["tags"])
    boxes = zip(choice.tags, form["tags"].subwidgets, strict=True)
    return [{"tag": tag, "box": box} for tag, box in boxes]


class NewTags(forms.CharField):
    """Names of tags, parted by commas; those that exist are the ones meant."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False, max_length=500, help_text="Parted by commas. New ones are made.", **kwargs
        )

    def clean(self, value: Any) -> list[str]:
        written = super().clean(value)
        try:
            return tags([name for name in written.split(",") if name.strip()])
        except Refused as error:
            raise forms.ValidationError(str(error)) from None


class TagsForm(forms.Form):
    """Which tags a customer has."""

    def __init__(self, *args: Any, organization: Organization, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tags"] = TagChoice(organization, customer.tag_ids, label="Tags")
        self.fields["new_tags"] = NewTags(label="New tags")

    @property
    def tag_choices(self) -> list[dict[str, Any]]:
        """For the template."""
        return tag_choices(self)

    def names(self) -> list[str]:
        """All that were chosen and written."""
        field = cast(TagChoice, self.fields["tags"])
        return [field.names[key] for key in self.cleaned_data["tags"]] + self.cleaned_data["new_tags"]


class TagForm(forms.Form):
    """A tag: name and colour."""

    name = forms.CharField(max_length=MAX_TAG)
    color = forms.ChoiceField(
        label="Colour", choices=TagColor.choices, widget=forms.RadioSelect, initial=TagColor.GREY.value
    )

    def __init__(self, *args: Any, tag: Tag | None = None, **kwargs: Any) -> None:
        if tag is not None:
            kwargs["initial"] = {"name": tag.name, "color": tag.color}
        super().__init__(*args, **kwargs)
