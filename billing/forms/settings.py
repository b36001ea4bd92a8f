"""Forms of the settings: the organization, its billing entities, its members."""

from __future__ import annotations

from io import BytesIO
from typing import Any, ClassVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, UnidentifiedImageError

from billing.actions.billing_entities import FIELDS
from billing.forms.lists import LongSelect, countries, currencies, languages_with, timezones, with_empty
from billing.models import BillingEntity, EInvoices, Numbering, Organization, Tax
from billing.rules.roles import Role

MAX_LOGO_BYTES = 800 * 1024
MAX_LOGO_SIDE = 4000
ROLE_HINTS = {
    Role.ADMIN.value: "Everything, members and API keys included.",
    Role.FINANCE.value: "Invoices, payments, credit notes, wallets, taxes and settings; no catalogue.",
    Role.MANAGER.value: "Customers, subscriptions, coupons, wallets and invoices; no payments, no taxes.",
    Role.SUPPORT.value: "Sees everything that is billed, changes nothing.",
}


class OrganizationForm(forms.ModelForm):
    """Name and defaults of the organization."""

    class Meta:
        model = Organization
        fields: ClassVar = ["name", "default_currency", "timezone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["default_currency"] = forms.ChoiceField(
            choices=currencies(), widget=LongSelect, help_text="For new customers that name no other."
        )
        self.fields["timezone"] = forms.ChoiceField(
            label="Time zone",
            choices=timezones(),
            widget=LongSelect,
            help_text="Lists and reports show moments in it. Customers may have one of their own.",
        )


def checked_logo(file: UploadedFile) -> bytes:
    """The bytes of a PNG or JPEG of reasonable size. Raises ValidationError for anything else, whatever it is
    called: the content decides, not the name.
    """
    if (file.size or 0) > MAX_LOGO_BYTES:
        raise forms.ValidationError(f"The logo is {(file.size or 0) // 1024} KB; 800 KB is the most.")
    data = file.read()
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as image:
            if max(image.size) > MAX_LOGO_SIDE:
                raise forms.ValidationError(f"The logo is larger than {MAX_LOGO_SIDE} pixels on a side.")
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise forms.ValidationError("This is not a PNG or JPEG image that can be read.") from error
    return data


class BillingEntityForm(forms.ModelForm):
    """All fields of an issuer. `logo` gives bytes, `remove_logo` takes the present one away."""

    logo = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
        help_text="PNG or JPEG, at most 800 KB.",
    )
    remove_logo = forms.BooleanField(required=False, label="Remove the logo")

    class Meta:
        model = BillingEntity
        fields: ClassVar = ["code", *FIELDS]
        widgets: ClassVar = {
            "brand_color": forms.TextInput(attrs={"type": "color"}),
            "invoice_footer": forms.Textarea(attrs={"rows": 2}),
            "payment_details": forms.Textarea(attrs={"rows": 3}),
            "consumer_notice": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        selects = {
            "default_currency": ("Default currency", currencies()),
            "timezone": ("Time zone", timezones()),
            "locale": ("Document language", languages_with(self.instance.locale)),
            "country": ("Country", with_empty("No country", countries())),
        }
        for name, (label, choices) in selects.items():
            self.fields[name] = forms.ChoiceField(
                label=label, choices=choices, widget=LongSelect, required=name != "country"
            )
        self.fields["numbering"] = forms.ChoiceField(choices=Numbering.choices, widget=forms.RadioSelect)
        self.fields["numbering"].choice_hints = {  # type: ignore[attr-defined]
            "per_billing_entity": "ACM-202611-007: gapless over all customers.",
            "per_customer": "ACM-042-007: gapless for each customer.",
        }
        self.fields["email"].label = "E-mail"
        self.fields["brand_color"].label = "Accent colour"
        self.fields["number_prefix"].help_text = "1 to 10 capital letters, digits and dashes."
        self.fields["net_payment_term_days"].label = "Payment term"
        self.fields["grace_period_days"].label = "Grace period of drafts"
        self.fields["grace_period_days"].help_text = "0: invoices become final at once, without a draft."
        self.fields["invoice_footer"].help_text = "At the foot of each page: legal facts."
        self.fields["payment_details"].help_text = "Bank account and what else is needed to pay."
        self.fields["timezone"].help_text = "Decides the day that a document is issued on."
        self.add_consumer_fields()
        taxes = Tax.objects.of(self.instance.organization_id).kept().order_by("name")
        self.fields["taxes"] = forms.ModelMultipleChoiceField(
            taxes,
            required=False,
            label="Taxes",
            widget=forms.CheckboxSelectMultiple,
            initial=[] if self.instance._state.adding else list(self.instance.taxes.all()),
            help_text="For customers, plans and charges without taxes of their own. None: the organization's.",
        )
        if self.instance._state.adding:
            self.fields["code"].required = False
            self.fields["code"].help_text = "Made from the name when left empty; it stays."
        else:
            del self.fields["code"]

    def add_consumer_fields(self) -> None:
        """Words of what is different for consumers, and of what customers can set otherwise."""
        self.fields["consumer_payment_term_days"].label = "Payment term of consumers"
        self.fields["consumer_payment_term_days"].help_text = "Empty: as for everybody."
        self.fields["consumer_notice"].help_text = "Printed for consumers: the right to cancel, for instance."
        self.fields["zero_amount_invoices"].label = "Issue invoices over nothing"
        self.fields[
            "zero_amount_invoices"
        ].help_text = "Off: a period without anything to pay is closed quietly."
        self.fields["usage_annex"].label = "Usage by day at the end of invoices"
        self.fields["usage_annex"].help_text = "A table for each line of usage: events and units of each day."
        self.fields["e_invoices"] = forms.ChoiceField(
            label="E-invoices", choices=EInvoices.choices, widget=forms.RadioSelect, required=False
        )
        self.fields["e_invoices"].choice_hints = {  # type: ignore[attr-defined]
            "files": "UBL and CII to download, and by the API.",
            "inside": "The PDF is a PDF/A-3 and carries the CII file. One that is not complete stays a plain PDF.",
        }

    def clean_e_invoices(self) -> str:
        """As it is when nothing was sent."""
        return str(self.cleaned_data["e_invoices"] or self.instance.e_invoices)

    def clean_number_prefix(self) -> str:
        """Capital letters, whatever was typed."""
        return str(self.cleaned_data["number_prefix"]).strip().upper()

    def clean_logo(self) -> bytes | None:
        """The checked bytes, or None when no file was sent."""
        file = self.cleaned_data.get("logo")
        return checked_logo(file) if isinstance(file, UploadedFile) else None

    def values(self) -> dict[str, Any]:
        """What the action gets: columns by name."""
        return {
            name: self.cleaned_data[name] for name in ("code", "taxes", *FIELDS) if name in self.cleaned_data
        }


class InviteForm(forms.Form):
    """A new member."""

    email = forms.EmailField(label="E-mail", max_length=254)
    name = forms.CharField(max_length=150, required=False)
    role = forms.ChoiceField(
        choices=[(role.value, role.value.title()) for role in Role],
        widget=forms.RadioSelect,
        initial=Role.SUPPORT.value,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choice_hints = ROLE_HINTS  # type: ignore[attr-defined]


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(
        choices=[(role.value, role.value.title()) for role in Role], widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choice_hints = ROLE_HINTS  # type: ignore[attr-defined]
