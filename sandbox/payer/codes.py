"""The code systems a prior authorization is written in: CPT, HCPCS Level II, NDC, ICD-10-CM, NPI.

Formats only: whether a code exists in the current release is not checked, as no portal without a
licence for CPT could. Must not know requests or rows.
"""

import re
from typing import Final

_CPT: Final = re.compile(r"\d{4}[0-9AFMTU]", re.ASCII)  # categories I (and A, M, U), II (F), III (T)
_HCPCS: Final = re.compile(r"[A-V]\d{4}", re.ASCII)
_NDC: Final = re.compile(r"(\d{5})-?(\d{4})-?(\d{2})", re.ASCII)
_ICD_10_CM: Final = re.compile(r"([A-Z]\d[0-9A-Z])\.?([0-9A-Z]{0,4})", re.ASCII)


def procedure_code(text: str) -> str | None:
    """Return the CPT or HCPCS code in upper case, or None when it is neither.

    >>> procedure_code("72148"), procedure_code("j0139"), procedure_code("7214")
    ('72148', 'J0139', None)
    """
    code = text.strip().upper()
    return code if _CPT.fullmatch(code) or _HCPCS.fullmatch(code) else None


def ndc(text: str) -> str | None:
    """Return an 11-digit National Drug Code as 5-4-2, or None.

    >>> ndc("00074024302"), ndc("74-243-2")
    ('00074-0243-02', None)
    """
    found = _NDC.fullmatch(text.strip())
    return "-".join(found.groups()) if found else None


def procedure_or_drug(text: str) -> str | None:
    """Return a CPT, HCPCS or National Drug Code in its normal form, or None.

    >>> procedure_or_drug("j0139"), procedure_or_drug("00074024302"), procedure_or_drug("aspirin")
    ('J0139', '00074-0243-02', None)
    """
    return procedure_code(text) or ndc(text)


def diagnosis_code(text: str) -> str | None:
    """Return the ICD-10-CM code with its point and in upper case, or None.

    >>> diagnosis_code("M5416"), diagnosis_code("m54.16"), diagnosis_code("I10"), diagnosis_code("724.2")
    ('M54.16', 'M54.16', 'I10', None)
    """
    found = _ICD_10_CM.fullmatch(text.strip().upper())
    if found is None:
        return None
    category, rest = found.groups()
    return f"{category}.{rest}" if rest else category


def is_npi(text: str) -> bool:
    """Tell whether this is a National Provider Identifier with a right check digit.

    The check digit is Luhn's over `80840` and the number (CMS, NPI check digit calculation).

    >>> is_npi("1234567893"), is_npi("1234567890"), is_npi("3234567893")
    (True, False, False)
    """
    if not re.fullmatch(r"[12]\d{9}", text, re.ASCII):
        return False
    total = 0
    for place, digit in enumerate(reversed("80840" + text)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0
