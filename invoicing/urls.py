"""The pages of invoices, payments and credit notes."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
