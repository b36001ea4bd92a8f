"""Sentences of ours on a document, by language: how an amount came about, and what a line is about.

Steps and lines are frozen with their English words, so English is the pattern that `wording.py` looks for; beside it
stand the other languages of `labels.py`. {n} is a number, {units} and {days} a number with its noun, {text} any text.
"""

from __future__ import annotations

# English as the steps are frozen, then the other languages of labels.py.
STEPS: tuple[dict[str, str], ...] = (
    {"en": "All units", "de": "Alle Einheiten", "fr": "Toutes les unités", "es": "Todas las unidades"},
    {
        "en": "Units by their days",
        "de": "Einheiten nach Tagen",
        "fr": "Unités selon leurs jours",
        "es": "Unidades según sus días",
    },
    {
        "en": "Billed event by event",
        "de": "Ereignis für Ereignis abgerechnet",
        "fr": "Facturé événement par événement",
        "es": "Facturado evento por evento",
    },
    {
        "en": "In use when the period begins",
        "de": "Zu Beginn des Zeitraums genutzt",
        "fr": "En usage au début de la période",
        "es": "En uso al comienzo del período",
    },
    {"en": "First {units}", "de": "Bis {units}", "fr": "Jusqu’à {units}", "es": "Hasta {units}"},
    {
        "en": "Next {units}",
        "de": "Nächste {units}",
        "fr": "Tranche suivante : {units}",
        "es": "Siguiente tramo: {units}",
    },
    {"en": "Above {units}", "de": "Über {units}", "fr": "Au-delà de {units}", "es": "Más de {units}"},
    {
        "en": "All units at the price of {n} to {units}",
        "de": "Alle Einheiten zum Preis von {n} bis {units}",
        "fr": "Toutes les unités au prix de la tranche de {n} à {units}",
        "es": "Todas las unidades al precio del tramo de {n} a {units}",
    },
    {
        "en": "All units at the price of {units} and more",
        "de": "Alle Einheiten zum Preis ab {units}",
        "fr": "Toutes les unités au prix de la tranche à partir de {units}",
        "es": "Todas las unidades al precio del tramo desde {units}",
    },
    {"en": "First {units} free", "de": "Frei: {units}", "fr": "Gratuit : {units}", "es": "Gratis: {units}"},
    {"en": "Free", "de": "Frei", "fr": "Gratuit", "es": "Gratis"},
    {
        "en": "Packages of {units}",
        "de": "Pakete zu {units}",
        "fr": "Lots de {units}",
        "es": "Paquetes de {units}",
    },
    {
        "en": "{n} % of the quantity",
        "de": "{n} % der Menge",
        "fr": "{n} % de la quantité",
        "es": "{n} % de la cantidad",
    },
    {
        "en": "Fixed amount per event",
        "de": "Fester Betrag je Ereignis",
        "fr": "Montant fixe par événement",
        "es": "Importe fijo por evento",
    },
    {
        "en": "Raised to the minimum per transaction",
        "de": "Auf den Mindestbetrag je Vorgang angehoben",
        "fr": "Porté au montant minimal par opération",
        "es": "Elevado al importe mínimo por operación",
    },
    {
        "en": "Reduced to the maximum per transaction",
        "de": "Auf den Höchstbetrag je Vorgang gekürzt",
        "fr": "Ramené au montant maximal par opération",
        "es": "Reducido al importe máximo por operación",
    },
    {
        "en": "Amounts sent with the events",
        "de": "Mit den Ereignissen gesendete Beträge",
        "fr": "Montants transmis avec les événements",
        "es": "Importes enviados con los eventos",
    },
    {"en": "{n} of {days}", "de": "{n} von {days}", "fr": "{n} sur {days}", "es": "{n} de {days}"},
    {"en": "Commitment", "de": "Mindestabnahme", "fr": "Engagement", "es": "Compromiso"},
    {
        "en": "Commitment for {n} of {days}",
        "de": "Mindestabnahme für {n} von {days}",
        "fr": "Engagement pour {n} sur {days}",
        "es": "Compromiso por {n} de {days}",
    },
    {
        "en": "Paid under the plan before",
        "de": "Im vorherigen Tarif bezahlt",
        "fr": "Payé avec la formule précédente",
        "es": "Pagado con la tarifa anterior",
    },
    {
        "en": "Corrected by hand",
        "de": "Manuell berichtigt",
        "fr": "Corrigé à la main",
        "es": "Corregido a mano",
    },
    {
        "en": "Billed for the period",
        "de": "Für den Zeitraum berechnet",
        "fr": "Facturé pour la période",
        "es": "Facturado por el período",
    },
    {
        "en": "Billed with the events before",
        "de": "Mit früheren Ereignissen berechnet",
        "fr": "Facturé avec les événements précédents",
        "es": "Facturado con los eventos anteriores",
    },
)

# By the kind of the line: a text that staff typed into a one-off line is never taken for ours.
LINES: dict[str, tuple[dict[str, str], ...]] = {
    "subscription": (
        {
            "en": "{text}, weekly fee",
            "de": "{text}, Wochengebühr",
            "fr": "{text}, abonnement hebdomadaire",
            "es": "{text}, cuota semanal",
        },
        {
            "en": "{text}, monthly fee",
            "de": "{text}, Monatsgebühr",
            "fr": "{text}, abonnement mensuel",
            "es": "{text}, cuota mensual",
        },
        {
            "en": "{text}, quarterly fee",
            "de": "{text}, Quartalsgebühr",
            "fr": "{text}, abonnement trimestriel",
            "es": "{text}, cuota trimestral",
        },
        {
            "en": "{text}, semiannual fee",
            "de": "{text}, Halbjahresgebühr",
            "fr": "{text}, abonnement semestriel",
            "es": "{text}, cuota semestral",
        },
        {
            "en": "{text}, yearly fee",
            "de": "{text}, Jahresgebühr",
            "fr": "{text}, abonnement annuel",
            "es": "{text}, cuota anual",
        },
    ),
    "true_up": (
        {
            "en": "{text}: minimum spend",
            "de": "{text}: Mindestumsatz",
            "fr": "{text} : minimum de facturation",
            "es": "{text}: consumo mínimo",
        },
    ),
    "commitment": (
        {
            "en": "{text}, minimum commitment",
            "de": "{text}, Mindestabnahme",
            "fr": "{text}, engagement minimal",
            "es": "{text}, compromiso mínimo",
        },
    ),
    "credit": (
        {
            "en": "Prepaid credits for {text}",
            "de": "Guthaben für {text}",
            "fr": "Crédits prépayés pour {text}",
            "es": "Créditos prepago para {text}",
        },
        {
            "en": "Balance owed on {text}",
            "de": "Offener Saldo von {text}",
            "fr": "Solde dû sur {text}",
            "es": "Saldo deudor de {text}",
        },
    ),
}
# What a credit note says of a fee whose days were not used; {text} is the line's own description.
UNUSED = {
    "en": "{text}: {unused}",
    "de": "{text}: {unused}",
    "fr": "{text} : {unused}",
    "es": "{text}: {unused}",
}

# One, and several. After "of" in German: von 31 Tagen.
NOUNS: dict[str, dict[str, tuple[str, str]]] = {
    "units": {
        "en": ("unit", "units"),
        "de": ("Einheit", "Einheiten"),
        "fr": ("unité", "unités"),
        "es": ("unidad", "unidades"),
    },
    "days": {"en": ("day", "days"), "de": ("Tag", "Tagen"), "fr": ("jour", "jours"), "es": ("día", "días")},
    "unused": {
        "en": ("unused day", "unused days"),
        "de": ("ungenutzter Tag", "ungenutzte Tage"),
        "fr": ("jour non utilisé", "jours non utilisés"),
        "es": ("día no utilizado", "días no utilizados"),
    },
}
