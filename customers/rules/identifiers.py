"""Numbers that tax offices and registers give, by kind, and Peppol participants.

Law: a kind with a check (length, alphabet, check digits) refuses a number that fails it, with the reason; what is
stored is the compact spelling of python-stdnum. `other` takes any text. `tax_id` itself is no part of this: it is
kept whatever it is, and its VAT state tells.

Example: `tax_identifiers({"gb_vat": "GB 980 7806 84"})` is `{"gb_vat": "980780684"}`;
`{"gb_vat": "GB 980 7806 85"}` is refused with "UK VAT number: the check digits are wrong.".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError

from billing.rules.registers import CHECKED, DELIVERED, sound
from customers.rules.values import Refused, text

MAX_LENGTH = 50
OTHER = "other"
# kind -> (name for people, module of python-stdnum)
KINDS: dict[str, tuple[str, str]] = {
    "eu_vat": ("EU VAT number", "eu.vat"),
    "gb_vat": ("UK VAT number", "gb.vat"),
    "ch_uid": ("Swiss UID", "ch.uid"),
    "ch_vat": ("Swiss VAT number", "ch.vat"),
    "no_orgnr": ("Norwegian organisation number", "no.orgnr"),
    "us_ein": ("US EIN", "us.ein"),
    "ca_bn": ("Canadian business number", "ca.bn"),
    "mx_rfc": ("Mexican RFC", "mx.rfc"),
    "br_cnpj": ("Brazilian CNPJ", "br.cnpj"),
    "au_abn": ("Australian ABN", "au.abn"),
    "nz_ird": ("New Zealand IRD number", "nz.ird"),
    "in_gstin": ("Indian GSTIN", "in_.gstin"),
    "jp_cn": ("Japanese corporate number", "jp.cn"),
    "kr_brn": ("Korean business number", "kr.brn"),
    "sg_uen": ("Singapore UEN", "sg.uen"),
    "il_idnr": ("Israeli number", "il.idnr"),
    "tr_vkn": ("Turkish VKN", "tr.vkn"),
    "za_tin": ("South African tax number", "za.tin"),
    "ke_pin": ("Kenyan PIN", "ke.pin"),
    "gh_tin": ("Ghanaian TIN", "gh.tin"),
    "eg_tn": ("Egyptian tax number", "eg.tn"),
    "ma_ice": ("Moroccan ICE", "ma.ice"),
}
PEPPOL = re.compile(r"[0-9]{4}:[A-Za-z0-9.\-_~]{1,50}")


def kind_name(kind: str) -> str:
    """The kind for people; `other` is any other number."""
    return KINDS[kind][0] if kind in KINDS else "Other number"


def compact(number: str, module: str) -> str:
    """The number in its compact spelling. Raises Refused with what is wrong."""
    try:
        return str(import_module(f"stdnum.{module}").validate(number))
    except InvalidLength:
        raise Refused("it has the wrong number of characters.") from None
    except InvalidChecksum:
        raise Refused("the check digits are wrong.") from None
    except ValidationError:
        raise Refused("it is not written as such numbers are.") from None


def tax_identifiers(value: Any) -> dict[str, str | None]:
    """{kind: number}; an empty number is None, which takes the kind away."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Refused("Send an object of kinds and numbers.")
    found: dict[str, str | None] = {}
    for kind, number in value.items():
        written = text(number)
        if kind != OTHER and kind not in KINDS:
            raise Refused(f"There is no kind {str(kind)[:40]}. Use {', '.join([*KINDS, OTHER])}.")
        if len(written) > MAX_LENGTH:
            raise Refused(f"{kind_name(kind)}: at most {MAX_LENGTH} characters are kept.")
        try:
            found[kind] = (
                (written if kind == OTHER else compact(written, KINDS[kind][1])) if written else None
            )
        except Refused as error:
            raise Refused(f"{kind_name(kind)}: {error}") from None
    return found


def peppol_id(value: Any) -> str:
    """A participant as scheme and value (`0088:7300010000001`), or empty."""
    written = text(value).replace(" ", "")
    if not written:
        return ""
    if not PEPPOL.fullmatch(written):
        raise Refused("Use a scheme of four digits and a value, such as 0088:7300010000001.")
    scheme, number = written.split(":", 1)
    if scheme not in DELIVERED:
        raise Refused(f"Peppol has no scheme {scheme}. A Belgian company has 0208, any with a GLN 0088.")
    if scheme in CHECKED:
        try:
            compact(number, CHECKED[scheme])
        except Refused as error:
            raise Refused(f"This is no number of scheme {scheme}: {error}") from None
    if not sound(scheme, number):
        raise Refused(f"This is not written as numbers of scheme {scheme} are.")
    return written
