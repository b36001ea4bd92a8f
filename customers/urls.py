"""The pages of customers and of what they have: subscriptions, usage, wallets."""

from __future__ import annotations

from django.urls import URLPattern, path

from customers.views import (
    activity,
    bill_now,
    coupons,
    customers,
    delete,
    home,
    information,
    invoices,
    one_off,
    overview,
    palette,
    search,
    subscriptions,
    usage,
    wallets,
)

urlpatterns: list[URLPattern] = [
    path("", home.index, name="home"),
    path("search", search.results, name="search"),
    path("palette", palette.palette, name="palette"),
    path("customers", customers.customers, name="customers"),
    path("customers/add", customers.add, name="customer-add"),
    path("customers/<pid:id>", overview.overview, name="customer"),
    path("customers/<pid:id>/edit", customers.edit, name="customer-edit"),
    path("customers/<pid:id>/information", information.information, name="customer-information"),
    path("customers/<pid:id>/activity", activity.activity, name="customer-activity"),
    path("customers/<pid:id>/usage", usage.customer_usage, name="customer-usage"),
    path(
        "customers/<pid:id>/usage/<pid:subscription_id>/<pid:charge_id>",
        usage.customer_usage_charge,
        name="customer-usage-charge",
    ),
    path("customers/<pid:id>/invoices", invoices.customer_invoices, name="customer-invoices"),
    path("customers/<pid:id>/one-off", one_off.one_off, name="customer-one-off"),
    path("customers/<pid:id>/one-off/totals", one_off.one_off_totals, name="customer-one-off-totals"),
    path("customers/<pid:id>/bill-now", bill_now.bill_now, name="customer-bill-now"),
    path(
        "customers/<pid:id>/subscriptions",
        subscriptions.customer_subscriptions,
        name="customer-subscriptions",
    ),
    path("customers/<pid:id>/assign", subscriptions.assign, name="customer-assign"),
    path("customers/<pid:id>/coupons", coupons.customer_coupons, name="customer-coupons"),
    path("customers/<pid:id>/coupons/apply", coupons.apply, name="customer-apply-coupon"),
    path("customers/<pid:id>/wallets", wallets.customer_wallets, name="customer-wallets"),
    path("customers/<pid:id>/wallets/add", wallets.add, name="customer-wallet-add"),
    path("customers/<pid:id>/delete", delete.delete, name="customer-delete"),
    path("customers/<pid:id>/deletion", delete.deletion, name="customer-deletion"),
    path("applied-coupons/<pid:id>/remove", coupons.remove, name="applied-coupon-remove"),
    path("subscriptions", subscriptions.subscriptions, name="subscriptions"),
    path("subscriptions/<pid:id>", subscriptions.subscription, name="subscription"),
    path("subscriptions/<pid:id>/terminate", subscriptions.terminate, name="subscription-terminate"),
    path("wallets", wallets.wallets, name="wallets"),
    path("wallets/<pid:id>", wallets.wallet, name="wallet"),
    path("wallets/<pid:id>/top-up", wallets.top_up, name="wallet-top-up"),
    path("wallets/<pid:id>/void", wallets.void, name="wallet-void"),
    path("wallets/<pid:id>/terminate", wallets.terminate, name="wallet-terminate"),
]
