"""The pages of what is sold and measured, and of the people who work here."""

from __future__ import annotations

from django.urls import URLPattern, path

from billing.views.health import health

urlpatterns: list[URLPattern] = [
    path("health", health, name="health"),
]
