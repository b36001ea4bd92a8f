"""The pages of customers and of what they have: subscriptions, usage, wallets."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
