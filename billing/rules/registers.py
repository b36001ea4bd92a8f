"""Which register a party's number is from, as e-invoices and the Peppol network name registers by four digits.

Source: Peppol's code lists "Participant identifier schemes" and "Electronic address scheme" of May 2026; ISO 6523.
Law: only a number that has the form of its register gets that register's code.
"""

from __future__ import annotations

import re
from importlib import import_module
from types import MappingProxyType

from stdnum.exceptions import ValidationError

# Electronic address schemes that Peppol delivers to; an e-mail address (EM) is none of them.
_CODES = """
    0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 0190
    0191 0192 0193 0194 0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 0215 0216
    0217 0218 0221 0225 0230 0235 0240 0244 0245 9910 9913 9914 9915 9918 9919 9920 9922 9923 9924 9925 9926 9927
    9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942 9943 9944 9945 9946 9947 9948 9949
    9950 9951 9952 9953 9957 9959
"""
DELIVERED: frozenset[str] = frozenset(_CODES.split())
# Countries whose VAT numbers have a scheme of their own.
VAT_SCHEMES = MappingProxyType({
    "AT": "9914", "BG": "9926", "CH": "9927", "CY": "9928", "CZ": "9929", "DE": "9930", "DK": "0184", "EE": "9931",
    "ES": "9920", "FI": "0213", "FR": "9957", "GB": "9932", "GR": "9933", "HR": "9934", "HU": "9910", "IE": "9935",
    "IT": "0211", "LI": "9936", "LT": "9937", "LU": "9938", "LV": "9939", "MT": "9943", "NL": "9944", "PL": "9945",
    "PT": "9946", "RO": "9947", "RS": "9948", "SI": "9949", "SK": "9950", "TR": "9952",
})  # fmt: skip
# Countries whose VAT numbers hold the number of the register: (scheme, where it stands in the VAT number).
WITHIN_VAT = MappingProxyType(
    {
        "BE": ("0208", re.compile(r"BE(\d{10})")),
        "NO": ("0192", re.compile(r"NO(\d{9})(?:MVA)?")),
        "SE": ("0007", re.compile(r"SE(\d{10})\d\d")),
    }
)
# What a country's companies are registered under: (scheme, form of the number without blanks and punctuation).
LEGAL_SCHEMES = MappingProxyType(
    {
        "BE": (("0208", re.compile(r"\d{10}")),),
        "DK": (("0184", re.compile(r"(?:DK)?\d{8}")),),
        "FI": (("0212", re.compile(r"\d{8}")),),
        "FR": (("0002", re.compile(r"\d{9}")), ("0009", re.compile(r"\d{14}"))),
        "IS": (("0196", re.compile(r"\d{10}")),),
        "NL": (("0106", re.compile(r"\d{8}")), ("0190", re.compile(r"\d{20}"))),
        "NO": (("0192", re.compile(r"\d{9}")),),
        "SE": (("0007", re.compile(r"\d{10}")),),
    }
)
# Schemes whose numbers are checked on delivery: a module of python-stdnum, or a form.
CHECKED = MappingProxyType(
    {
        "0007": "se.orgnr",
        "0088": "ean",
        "0151": "au.abn",
        "0184": "dk.cvr",
        "0192": "no.orgnr",
        "0208": "be.vat",
        "9930": "de.vat",
    }
)
FORMS = MappingProxyType(
    {
        "0096": re.compile(r"\d{10}"),
        "0106": re.compile(r"\d{8}"),
        "0184": re.compile(r"(?:DK)?\d{8}"),
        "0190": re.compile(r"\d{20}"),
        "0198": re.compile(r"DK\d{8}"),
        "0201": re.compile(r"[A-Za-z0-9]{6}"),
        "0211": re.compile(r"IT\d{11}"),
        "0217": re.compile(r"\d{20}"),
        "9944": re.compile(r"NL\d{9}B\d\d"),
    }
)
NOISE = re.compile(r"[\s./-]")


def of_vat(country: str, vat_id: str) -> tuple[str, str] | None:
    """(scheme, value) of the address that a VAT number is; None where there is no scheme for it."""
    if country in WITHIN_VAT:
        scheme, form = WITHIN_VAT[country]
        found = form.fullmatch(vat_id)
        return (scheme, found[1]) if found else None
    return (VAT_SCHEMES[country], vat_id) if country in VAT_SCHEMES and vat_id else None


def of_register(country: str, number: str) -> tuple[str, str]:
    """(scheme, number) of a company; the scheme is empty, and the number as it is written, when it has not the form
    of its country's register.
    """
    plain = NOISE.sub("", number).upper()
    for scheme, form in LEGAL_SCHEMES.get(country, ()):
        if form.fullmatch(plain) and sound(scheme, plain):
            return scheme, plain
    return "", number


def sound(scheme: str, number: str) -> bool:
    """Whether a number may be one of the scheme: its form and check digits, where these are known."""
    if scheme in FORMS and not FORMS[scheme].fullmatch(number):
        return False
    if scheme not in CHECKED:
        return True
    try:
        import_module(f"stdnum.{CHECKED[scheme]}").validate(number)
    except ValidationError:
        return False
    return True
