"""The invoicing app."""

from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    """Django's record of the app."""

    name = "invoicing"
