"""The billing app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Django's record of the app."""

    name = "billing"

    def ready(self) -> None:
        """Load the Celery app, so that `later.py` can send tasks by name from every process."""
        from billing import celery  # noqa: F401
