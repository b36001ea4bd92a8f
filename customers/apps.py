"""The customers app."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Django's record of the app."""

    name = "customers"
