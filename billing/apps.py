"""The billing app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Django's record of the app."""

    name = "billing"
