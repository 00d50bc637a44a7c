"""Who there is: clinicians, payers, patients and their insurance. Near-duplicates are meant."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SITE = "https://tidewater-clinic.example/fhir"
MRN, ORDER, PRESCRIPTION, VISIT = (f"{SITE}/identifier/{name}" for name in ("mrn", "order", "prescription", "visit"))
NPI = "http://hl7.org/fhir/sid/us-npi"
HL7 = "http://terminology.hl7.org/CodeSystem"
ICD10, CPT = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.ama-assn.org/go/cpt"
RXNORM, SNOMED, LOINC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct", "http://loinc.org"

PAYERS = {"cedar-point": "Cedar Point Health", "harborline": "Harborline Mutual"}
CLINIC = "tidewater"

# key: (NPI, family, given, credential, gender)
CLINICIANS = {
    "miriam-adler": ("1999971017", "Adler", "Miriam", "MD", "female"),
    "owen-castillo": ("1999971025", "Castillo", "Owen", "MD", "male"),
    "tessa-bright": ("1999971033", "Bright", "Tessa", "PT", "female"),
    "ravi-menon": ("1999971041", "Menon", "Ravi", "MD", "male"),
    "sofia-lindgren": ("1999971058", "Lindgren", "Sofia", "MD", "female"),
    "hugh-tan": ("1999971066", "Tan", "Hugh", "MD", "male"),
}


@dataclass(frozen=True)
class Person:
    """A patient, with the insurance that the chart has."""

    key: str
    mrn: str
    family: str
    given: str
    born: str
    gender: str
    phone: str
    address: str
    member: str
    plan: str
    since: str = "2024-01-01"
    relationship: str = "self"
    clinician: str = "miriam-adler"

    @property
    def name(self) -> str:
        """The name as people write it."""
        return f"{self.given} {self.family}"

    @property
    def ref(self) -> Json:
        """A reference to the chart."""
        return {"reference": f"Patient/{self.key}", "display": self.name}


PPO, HMO, FAMILY, BRONZE = (
    "Cedar Point PPO 1500",
    "Cedar Point HMO 500",
    "Cedar Point Family PPO",
    "Cedar Point Bronze HMO",
)

_TABLE = [
    ("nadia-haddad", "Haddad", "Nadia", "1983-09-14", "female", "CPH440718203", PPO),
    ("nadia-haddad-2", "Haddad", "Nadia", "1988-04-02", "female", "CPH440718230", PPO),
    ("walter-finch", "Finch", "Walter", "1959-02-27", "male", "CPH441203377", FAMILY),
    ("helen-finch", "Finch", "Helen", "1961-11-08", "female", "CPH441203378", FAMILY),
    ("luis-ortega", "Ortega", "Luis", "1971-05-22", "male", "CPH440955016", PPO),
    ("luis-ortega-2", "Ortega", "Luis", "1999-12-03", "male", "CPH440955061", PPO),
    ("grace-kimura", "Kimura", "Grace", "1990-01-17", "female", "CPH442318840", HMO),
    ("tomas-novak", "Novak", "Tomas", "1948-07-09", "male", "CPH440377215", PPO),
    ("irene-kowalczyk", "Kowalczyk", "Irene", "1966-10-30", "female", "CPH441877502", PPO),
    ("irene-kowalczyk-2", "Kowalczyk", "Irene", "1969-03-10", "female", "CPH441877520", PPO),
    ("peter-lang", "Lang", "Peter", "1955-08-19", "male", "CPH442001934", PPO),
    ("dora-jensen", "Jensen", "Dora", "1979-02-11", "female", "CPH442760018", HMO),
    ("samir-patel", "Patel", "Samir", "1986-06-25", "male", "CPH443115590", PPO),
    ("rosa-delgado", "Delgado", "Rosa", "1975-06-30", "female", "CPH440620751", PPO),
    ("rosa-delgado-2", "Delgado", "Rosa", "1957-06-30", "female", "CPH440620715", PPO),
    ("anna-berg", "Berg", "Anna", "1987-03-03", "female", "CPH443902266", PPO),
    ("mila-berg", "Berg", "Mila", "2017-08-22", "female", "CPH443902267", PPO),
    ("clara-whitmore", "Whitmore", "Clara", "1978-04-12", "female", "CPH445100281", PPO),
    ("clara-whitmore-2", "Whitmore", "Clara", "1948-12-04", "female", "CPH445100218", PPO),
    ("edwin-barlow", "Barlow", "Edwin", "1962-09-05", "male", "CPH445233907", PPO),
    ("joan-marlowe", "Marlowe", "Joan", "1969-12-01", "female", "CPH445310442", PPO),
    ("jean-marlowe", "Marlowe", "Jean", "1969-01-12", "female", "CPH445310424", PPO),
    ("victor-salas", "Salas", "Victor", "1957-11-23", "male", "CPH445478016", PPO),
    ("leah-brandon", "Brandon", "Leah", "1994-07-07", "female", "CPH445560129", HMO),
    ("leah-brandon-2", "Brandon", "Leah", "1991-07-17", "female", "CPH445560192", HMO),
    ("omar-nasser", "Nasser", "Omar", "1983-05-05", "male", "CPH445699350", BRONZE),
    ("omar-nasser-2", "Nasser", "Omar", "1985-05-03", "male", "CPH445699305", PPO),
]
_STREETS = ["Quay Street", "Beacon Road", "Mill Lane", "Orchard Way", "Harbor Court", "Larch Avenue"]
_CLINICIANS = {
    "clara-whitmore": "ravi-menon",
    "victor-salas": "sofia-lindgren",
    "edwin-barlow": "sofia-lindgren",
    "leah-brandon": "hugh-tan",
    "omar-nasser": "hugh-tan",
    "rosa-delgado": "owen-castillo",
    "irene-kowalczyk": "tessa-bright",
}

PEOPLE = {
    key: Person(
        key,
        f"TW-20{place:04}",
        family,
        given,
        born,
        gender,
        f"410-555-01{place:02}",
        f"{place + 10} {_STREETS[place % len(_STREETS)]}",
        member,
        plan,
        relationship="child" if key == "mila-berg" else "spouse" if key == "helen-finch" else "self",
        clinician=_CLINICIANS.get(key, "miriam-adler"),
    )
    for place, (key, family, given, born, gender, member, plan) in enumerate(_TABLE, 1)
}
