"""When two writings name the same thing: member ids, NPIs, authorization numbers, codes, drug names.

The one rule of the portal: an identifier is trimmed, a run of white space in it counts as one space, and case
does not matter; a procedure, drug or diagnosis code is compared in the normal form of `codes.py`. Stored rows
keep the payer's writing. What people write (notes, answers, names) is no identifier and is compared exactly.
Must not know requests or the wire.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, StringConstraints

from sandbox.equality import equal, to_text
from sandbox.jsonio import Json
from sandbox.payer import codes
from sandbox.playground.playground import Interaction

Identifier: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]

# The collections that are looked up by an identifier, and the field that holds it.
FIELDS: Final[Mapping[str, str]] = {
    "patients": "member_id",
    "providers": "npi",
    "formulary": "drug",
    "questions": "procedure_code",
}


def normal(text: str) -> str:
    r"""Return the form that all writings of one identifier share.

    >>> normal(" W204817735\t") == normal("w204817735"), normal("Adalimumab  40 mg")
    (True, 'adalimumab 40 mg')
    """
    return " ".join(text.split()).casefold()


def _normal_code(read: Callable[[str], str | None]) -> Callable[[str], str]:
    return lambda text: read(text) or normal(text)


_NORMAL: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys(("member_id", "patient_member_id", "npi", "provider_npi"), normal),
    **dict.fromkeys(("request_id", "auth_number", "tracking_number", "duplicate_of"), normal),
    **dict.fromkeys(("drug", "rxnorm", "alternatives", "claim_number", "appeal_id", "subscriber_id"), normal),
    "procedure_code": _normal_code(codes.procedure_or_drug),
    "ndc": _normal_code(codes.ndc),
    "diagnosis_codes": _normal_code(codes.diagnosis_code),
}


def normal_of(field: str, text: str) -> str:
    """Return the form that all writings of a row's identifier share.

    >>> normal_of("diagnosis_codes", "m5416") == normal_of("diagnosis_codes", "M54.16")
    True
    """
    return _NORMAL[field](text)


def is_same(field: str, one: str | None, other: str | None) -> bool:
    """Tell whether two values of a row's identifier name the same; None is only itself.

    >>> is_same("provider_npi", "1234567893 ", "1234567893"), is_same("diagnosis_codes", "m5416", "M54.16")
    (True, True)
    """
    if one is None or other is None or one == other:
        return one == other
    return _NORMAL[field](one) == _NORMAL[field](other)


def equal_at(path: str, wanted: Json, actual: Json) -> bool:
    """Compare a value at a dotted path of a row: identifiers by their rule, everything else exactly.

    >>> equal_at("patient_member_id", "w1", "W1"), equal_at("diagnosis_codes.0", "m5416", "M54.16")
    (True, True)
    >>> equal_at("notes", "a", "A"), equal_at("procedure_code", 72148, "72148")
    (False, True)
    """
    if equal(wanted, actual):
        return True
    field = path.partition(".")[0]
    if field not in _NORMAL:
        return False
    if isinstance(wanted, list) and isinstance(actual, list):
        return len(wanted) == len(actual) and all(map(equal_at, [path] * len(wanted), wanted, actual))
    one, other = to_text(wanted), to_text(actual)
    return one is not None and other is not None and is_same(field, one, other)


def find(tx: Interaction, collection: str, given: str) -> Json | None:
    """Return the row of `FIELDS`' collections that an identifier names, or None."""
    row = tx.get(f"portal/{collection}", given)
    if row is not None:
        return row
    field = FIELDS[collection]
    wanted = _NORMAL[field](given)
    rows = (row for _, row in tx.branch.items(f"portal/{collection}"))
    return next((row for row in rows if _NORMAL[field](row[field]) == wanted), None)


def _npi(text: str) -> str:
    if not codes.is_npi(text):
        raise ValueError("not an NPI: ten digits, the last one the check digit")
    return text


def _code_of(read: Callable[[str], str | None], problem: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        code = read(text)
        if code is None:
            raise ValueError(problem)
        return code

    return check


Npi: TypeAlias = Annotated[Identifier, AfterValidator(_npi)]
ProcedureCode: TypeAlias = Annotated[
    Identifier,
    AfterValidator(
        _code_of(codes.procedure_code, 'not a CPT or HCPCS code: five characters in quotes, such as "72148" or J0139')
    ),
]
Ndc: TypeAlias = Annotated[
    Identifier,
    AfterValidator(_code_of(codes.ndc, "not a National Drug Code: 5-4-2 digits, such as 00074-0243-02")),
]
ProcedureOrDrugCode: TypeAlias = Annotated[
    Identifier, AfterValidator(_code_of(codes.procedure_or_drug, "not a CPT, HCPCS or National Drug Code"))
]
DiagnosisCode: TypeAlias = Annotated[
    Identifier, AfterValidator(_code_of(codes.diagnosis_code, "not an ICD-10-CM code, such as M54.16"))
]
