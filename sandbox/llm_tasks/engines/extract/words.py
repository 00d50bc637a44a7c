"""Words of field names and labels: how they are split, what means the same, how alike they are."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from rapidfuzz.fuzz import ratio

# What is written differently and means the same; the first of each line stands for all of it.
_SAME: Final = """
dob: date of birth | birth date | birthdate | birthday | born | d.o.b. | d.o.b | dob
mrn: medical record number | medical record no | chart number | record number | hospital number | mrn
id: number | no. | no | num | nr | # | identifier | id | ids
gender: sex | gender
phone: telephone | phone | tel. | tel | mobile | cell | contact number | phone number | telephone number | callback
fax: fax | facsimile
email: e-mail address | email address | e-mail | email | mail
given: first name | given name | given names | forename | firstname
family: last name | family name | surname | lastname
middle: middle name | middle initial
name: full name | name | names
address: address | addr | street address | mailing address | home address
street: street | address line
zip: zip code | postal code | postcode | zip | zipcode
diagnosis: diagnosis | diagnoses | dx | diagnostic impression | impression
code: icd-10-cm | icd-10 | icd10 | icd 10 | icd | cpt | snomed | loinc | code | codes
medication: medication | medications | meds | drug | drugs | rx | prescription | medicine | current medications
dose: dose | dosage | strength
frequency: frequency | sig | directions | how often | schedule
provider: provider | physician | doctor | clinician | dr | md | practitioner | consultant | prescriber | prescribed by
signer: signed by | electronically signed by | signer | signed | radiologist | pathologist | interpreted by
admission: admission | admitted | admit
discharge: discharge | discharged
guardian: guardian | parent | legal guardian
patient: patient | pt | patient's
referring: referring | referred by | referrer | requesting | ordering | from | sender | sent by
practice: practice | clinic | facility | hospital | surgery | organization | organisation
specialty: specialty | speciality | service requested | requested specialty | department | dept
urgency: urgency | priority | acuity | triage
insurance: insurance | payer | payor | insurer | carrier | health plan | coverage | insurance company
member: member | subscriber | policy | beneficiary
group: group
reason: reason | indication | reason for referral | reason for visit | chief complaint | presenting complaint | cc
reason: purpose | clinical question
allergy: allergy | allergies | allergic to
history: history | past medical history | pmh | background
hpi: history of present illness | history of the present illness | present illness | hpi
pressure: blood pressure | bp
pulse: heart rate | pulse rate | pulse | hr
temperature: temperature | temp
respiration: respiratory rate | respirations | rr
saturation: oxygen saturation | o2 saturation | o2 sat | spo2 | sp o2 | oxygen sat
weight: weight | wt
height: height | ht
score: score | rating
note: note | notes | comment | comments | remarks | remark
date: date | dated | day
time: time | when
amount: amount | total | sum | price | cost | fee | charge | balance | amount due | total due | balance due
quantity: quantity | qty | count
vendor: vendor | supplier | seller | company | merchant | billed by
customer: customer | client | buyer | bill to
invoice: invoice | bill
order: order | purchase order | po
subject: subject | regarding | re | title | topic
description: description | detail | details | item | text | narrative
npi: npi | national provider identifier
age: age | years old
employer: employer | works for
status: status | state of
result: result | value | finding | reading
unit: unit | uom
test: test | analyte | investigation | exam
"""
_STOP: Final = frozenset(
    "the of a an for and or to in on at by is this that your our his her its please with if any".split()
)
_VERBS: Final = frozenset(
    "is has have was are requires require required needs need should must can contains does".split()
)
_SPLIT_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"[a-z0-9]+|#")

_PHRASES: dict[str, str] = {}
for _line in _SAME.strip().splitlines():
    _head, _, _others = _line.partition(":")
    for _phrase in _others.split("|"):
        _PHRASES.setdefault(_phrase.strip(), _head.strip())

_BY_LENGTH: Final = sorted((phrase for phrase in _PHRASES if len(phrase) > 1), key=len, reverse=True)
_PHRASE: Final = re.compile(
    r"(?<![a-z0-9])(?:" + "|".join(re.escape(phrase) for phrase in _BY_LENGTH) + r")(?![a-z0-9])"
)
_INLINE_LABELS: Final = (
    "date of birth|birth date|dob|sex|gender|phone|telephone|tel|fax|email|mrn|npi|address|age|member id|"
    "member number|policy number|group number|insurance|diagnosis|allergies|medications|provider|date|time|priority|"
    "urgency|status|name|patient|reason|code|quantity|qty|dose|frequency"
)
KNOWN_LABEL: Final = re.compile(rf"(?<=\s)(?:{_INLINE_LABELS})[ ]?[:#](?=\s|\d)", re.IGNORECASE)

Tokens = frozenset[str]


@lru_cache(maxsize=8192)
def tokens_of(text: str) -> tuple[str, ...]:
    """Return the meaningful words of a name or label, each in the form that stands for its like.

    Accents do not count. A name of nothing but little words, such as `a`, keeps them.

    >>> tokens_of("patientDateOfBirth"), tokens_of("Member No."), tokens_of("Diagnosis (ICD-10-CM)")
    (('patient', 'dob'), ('member', 'id'), ('diagnosis', 'code'))
    """
    plain = _SPLIT_CAMEL.sub(" ", _without_accents(text[:200])).replace("_", " ").lower()
    plain = _PHRASE.sub(lambda match: f" {_PHRASES[match[0]]} ", plain)
    words = [_PHRASES.get(word) or _singular(word) for word in _WORD.findall(plain)]
    kept = [word for word in words if word not in _STOP] or words
    return tuple(dict.fromkeys(_PHRASES.get(word, word) for word in kept))


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


@lru_cache(maxsize=8192)
def letters_of(text: str) -> str:
    """Return the letters and digits of a name or label in one piece, to compare what is written apart.

    >>> letters_of("SSN (last 4)"), letters_of("ssn_last4")
    ('ssnlast4', 'ssnlast4')
    """
    return "".join(_WORD.findall(_without_accents(text[:200]).lower()))


def is_written_like(name: str, label: str) -> float:
    """Return how alike two names are letter by letter, 0 to 1; 0 for short ones, which are alike by chance.

    >>> is_written_like("patient_name", "Pati ent Nane") > 0.85, is_written_like("dose", "date")
    (True, 0.0)
    """
    one, other = letters_of(name), letters_of(label)
    if min(len(one), len(other)) < 7:
        return 0.0
    return ratio(one, other) / 100


def content_words(text: str) -> tuple[str, ...]:
    """Return the tokens of a yes-no field's name without its verb.

    >>> content_words("requires_review"), content_words("is_urgent")
    (('review',), ('urgent',))
    """
    words = tokens_of(text)
    return tuple(word for word in words if word not in _VERBS) or words


def plain_words(text: str) -> tuple[str, ...]:
    """Return the words of a yes-no field's name as they are written, without its verb.

    >>> plain_words("isAdmitted"), plain_words("requires_review")
    (('admitted',), ('review',))
    """
    words = _WORD.findall(_SPLIT_CAMEL.sub(" ", text[:200]).replace("_", " ").lower())
    return tuple(word for word in words if word not in _VERBS and word not in _STOP) or tuple(words)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def has_like(word: str, others: Collection[str]) -> bool:
    """Whether a word is among others, slips of the pen forgiven in long words.

    >>> has_like("diagnosis", {"diagnossis"}), has_like("name", {"game"})
    (True, False)
    """
    if word in others:
        return True
    return len(word) >= 6 and any(len(other) >= 6 and ratio(word, other) >= 88 for other in others)


def similarity(
    own: Iterable[str], label: Collection[str], *, section: Collection[str] = (), parents: Collection[str] = ()
) -> float:
    """Return how well a label fits a field, 0 to 1.

    `own` are the field's words, the last its head; `section` are the words of the heading above the
    label; `parents` those of the objects around the field.

    >>> similarity(["patient", "name"], ["name"], section=["patient"]) > similarity(["patient", "name"], ["name"])
    True
    """
    words = list(own)
    if not words or not label:
        return 0.0
    direct = [word for word in words if has_like(word, label)]
    if not direct:
        return 0.0
    indirect = [word for word in words if word not in direct and has_like(word, section)]
    strange = [word for word in label if not has_like(word, words) and word not in parents]
    score = (len(direct) + 0.8 * len(indirect)) / (len(words) + 0.5 * len(strange))
    if words[-1] not in direct:
        score *= 0.5
    if parents and strange and not any(has_like(word, section) or has_like(word, label) for word in parents):
        score *= 0.6
    if parents and section:
        is_within = any(has_like(word, [*section, *label]) for word in parents)
        score *= 1.15 if is_within else 0.6
    return min(score, 1.0)
