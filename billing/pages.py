"""The pages of what is sold and measured, and of the people who work here."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
