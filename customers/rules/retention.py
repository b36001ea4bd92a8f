"""How long documents are kept: to the end of the calendar year that many years after the youngest of them.

Law. The years are those for which accounting and tax law of the issuer's country want invoices kept (Germany AO 147,
Austria BAO 132, Switzerland OR 958f, France Code de commerce L123-22, Italy Codice civile 2220, Spain Código de
Comercio 30, the Netherlands AWR 52, Belgium Code TVA 60, Sweden Bokföringslagen 7:2 …). Where they count from a tax
return and not from the document, a year more. Another country: ten, the longest that is usual. Nothing is removed by
itself when the time is over.

Example: kept_until("DE", 3 March 2026) is 31 December 2034.
"""

from __future__ import annotations

from datetime import date

LONGEST = 10
YEARS = {
    **{"DE": 8, "AT": 7, "CH": 10, "FR": 10, "IT": 10, "ES": 6, "NL": 7, "BE": 10, "GB": 6, "IE": 6},
    **{"SE": 7, "DK": 5, "NO": 5, "FI": 6, "PL": 6, "ZA": 6, "KE": 5, "UG": 5, "NG": 6},
}


def years(country: str) -> int:
    """For how many years after the one in which they were issued."""
    return YEARS.get(country, LONGEST)


def is_known(country: str) -> bool:
    """Whether its law is in the table; else the longest is taken."""
    return country in YEARS


def kept_until(country: str, newest: date) -> date:
    """The last day on which documents of an issuer there are kept."""
    return date(newest.year + years(country), 12, 31)
