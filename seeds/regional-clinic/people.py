"""The patients: who they are, who insures them, whose patients they are. One row each.

The first block are the people the benchmarks are about and those who are easily taken for them;
their stories are in `stories.py`. All are invented.
"""

from dataclasses import dataclass, field
from datetime import date

from codes import MRN, TERMINOLOGY, Json, coding, concept
from staff import organization_ref, practitioner_ref

TODAY = date(2026, 4, 23)
MEMBER_PREFIX = {
    "evergreen-mutual": "EVM",
    "lakeshore-health-plan": "LHP",
    "keystone-commercial": "KCI",
    "senior-advantage": "SAR",
}


@dataclass(frozen=True)
class Person:
    """One patient. `given` may hold a middle name; `subscriber` is the parent who holds the policy."""

    id: str
    given: str
    family: str
    birth: str
    gender: str
    mrn: str
    phone: str
    street: str
    payer: str
    member: str
    pcp: str
    problems: tuple[str, ...] = ()
    allergies: tuple[tuple[str, str, str], ...] = ()
    former_family: str | None = None
    guardian: str | None = None
    marital: str | None = None
    email: str | None = None
    extra: Json = field(default_factory=dict)

    @property
    def age(self) -> int:
        """The age in years on the day the benchmarks play."""
        born = date.fromisoformat(self.birth)
        return TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))

    @property
    def display(self) -> str:
        """The name as on a list."""
        return f"{self.given} {self.family}"

    @property
    def ref(self) -> Json:
        """A reference to the patient."""
        return {"reference": f"Patient/{self.id}", "display": self.display}

    @property
    def mrn_value(self) -> str:
        """The medical record number."""
        return f"RC-{self.mrn}"

    @property
    def member_id(self) -> str:
        """The number on the current insurance card."""
        return f"{MEMBER_PREFIX[self.payer]}{self.member}"


def _rows() -> list[Person]:
    evm, lhp, kci, sar = MEMBER_PREFIX
    pen = ("penicillin", "hives", "low")
    return [
        # --- two of one name -------------------------------------------------------------------------------------
        Person("maria-chen", "Maria", "Chen", "1984-03-12", "female", "100201", "330-555-0124", "18 Alder Street", evm,
               "204817735", "helen-marsh", ("asthma", "allergic-rhinitis"), (pen,), marital="M"),
        Person("maria-chen-2", "Maria", "Chen", "1991-07-08", "female", "100318", "330-555-0125", "7 Foundry Lane", kci,
               "771200462", "tessa-grant", ("migraine",)),
        Person("robert-okafor", "Robert", "Okafor", "1957-11-30", "male", "100202", "330-555-0126", "52 Canal Road",
               sar, "310045218", "james-oyelaran", ("hypertension", "diabetes", "hyperlipidemia"), marital="M"),
        # --- fax referrals ---------------------------------------------------------------------------------------
        Person("harold-whitfield", "Harold", "Whitfield", "1951-06-17", "male", "100203", "330-555-0127",
               "9 Orchard Court", sar, "310077341", "james-oyelaran", ("hypertension", "hyperlipidemia"), marital="W"),
        Person("jennifer-brandt", "Jennifer Anne", "Brandt", "1979-11-05", "female", "100204", "330-555-0128",
               "231 Mill Street", lhp, "558210094", "helen-marsh", ("hypothyroidism",), former_family="Kowalski",
               marital="M"),
        Person("jennifer-kowalski", "Jennifer", "Kowalski", "1983-02-21", "female", "100205", "330-555-0129",
               "88 Prospect Avenue", evm, "204930187", "tessa-grant", ("depression",)),
        Person("david-nguyen", "David", "Nguyen", "1958-02-14", "male", "100206", "330-555-0130", "14 Quarry Road",
               sar, "310081125", "james-oyelaran", ("copd", "hypertension")),
        Person("thomas-obrien", "Thomas", "O'Brien", "1962-04-09", "male", "100207", "330-555-0131", "640 Lake Shore",
               lhp, "558334410", "james-oyelaran", ("migraine", "hypertension"), marital="M"),
        Person("thomas-obrien-jr", "Thomas", "O'Brien", "1990-09-04", "male", "100208", "330-555-0132",
               "12 Station Street", kci, "771345098", "tessa-grant", ("asthma",)),
        Person("grace-adeyemi", "Grace", "Adeyemi", "1968-12-01", "female", "100209", "330-555-0133",
               "305 Highland Avenue", kci, "771098334", "helen-marsh", ("diabetes", "hypertension"),
               (("sulfonamide", "rash", "low"),)),
        Person("walter-petrov", "Walter", "Petrov", "1955-08-22", "male", "100210", "330-555-0134", "77 Bridge Street",
               sar, "310092280", "james-oyelaran", ("knee-osteoarthritis", "gout")),
        # --- imaging prior authorizations ------------------------------------------------------------------------
        Person("linda-castellano", "Linda", "Castellano", "1972-05-19", "female", "100211", "330-555-0135",
               "4 Willow Bend", evm, "205118846", "helen-marsh", ("lumbar-radiculopathy", "hypertension"),
               marital="M"),
        Person("marcus-hale", "Marcus", "Hale", "1988-01-27", "male", "100212", "330-555-0136", "19 Ferry Street", lhp,
               "558401277", "tessa-grant", ("right-knee-pain",)),
        Person("priya-raman", "Priya", "Raman", "1986-10-03", "female", "100213", "330-555-0137", "150 College Hill",
               kci, "771460215", "helen-marsh", ("migraine",), (("latex", "rash", "low"),)),
        Person("george-lindqvist", "George", "Lindqvist", "1949-03-30", "male", "100214", "330-555-0138",
               "28 Pine Terrace", sar, "310100452", "james-oyelaran", ("copd", "hypertension", "cough")),
        Person("anita-desai", "Anita", "Desai", "1977-07-16", "female", "100215", "330-555-0139", "61 Harbor View",
               evm, "205377190", "tessa-grant", ("right-shoulder-pain", "hypothyroidism"), marital="M"),
        Person("samuel-brooks", "Samuel", "Brooks", "1964-09-25", "male", "100216", "330-555-0140", "233 Summit Road",
               evm, "205402663", "james-oyelaran", ("abdominal-pain", "gerd"), (("contrast", "anaphylaxis", "high"),)),
        # --- laboratory results ----------------------------------------------------------------------------------
        Person("beatrice-lund", "Beatrice", "Lund", "1970-02-11", "female", "100217", "330-555-0141", "5 Chapel Lane",
               lhp, "558517736", "helen-marsh", ("hypertension", "diabetes")),
        Person("omar-haddad", "Omar", "Haddad", "1953-05-06", "male", "100218", "330-555-0142", "410 Market Street",
               sar, "310118863", "james-oyelaran", ("heart-failure", "ckd3", "hypertension"), (pen,), marital="M",
               extra={"drugs": ["spironolactone"]}),
        Person("ruth-feldman", "Ruth", "Feldman", "1959-12-19", "female", "100219", "330-555-0143",
               "16 Garden Street", kci, "771534409", "helen-marsh", ("iron-deficiency", "gerd")),
        Person("daniel-kim", "Daniel", "Kim", "1969-01-22", "male", "100220", "330-555-0144", "92 Cedar Avenue", evm,
               "205518837", "tessa-grant", ("hyperlipidemia",)),
        Person("carlos-mendoza", "Carlos", "Mendoza", "1975-04-28", "male", "100221", "330-555-0145",
               "37 Railroad Avenue", lhp, "558620043", "james-oyelaran", ("hypertension", "gout")),
        Person("nadia-hassan", "Nadia", "Hassan", "1966-06-09", "female", "100222", "330-555-0146", "81 Spring Street",
               evm, "205633071", "james-oyelaran", ("diabetes", "hypertension", "hyperlipidemia"), marital="M"),
        Person("frank-delaney", "Frank", "Delaney", "1960-10-14", "male", "100223", "330-555-0147", "3 Mason Row", kci,
               "771645512", "helen-marsh", ("hypothyroidism", "hyperlipidemia")),
        Person("sofia-reyes", "Sofia", "Reyes", "2014-09-02", "female", "100224", "330-555-0148", "120 Grove Street",
               lhp, "55871180002", "ines-calder", ("asthma",), guardian="Isabel Reyes"),
        Person("elena-reyes", "Elena", "Reyes", "2014-09-02", "female", "100225", "330-555-0148", "120 Grove Street",
               lhp, "55871180003", "ines-calder", ("iron-deficiency",), guardian="Isabel Reyes"),
        # --- everybody else --------------------------------------------------------------------------------------
        Person("agnes-thornton", "Agnes", "Thornton", "1944-08-08", "female", "100226", "330-555-0149",
               "44 Church Street", sar, "310133307", "james-oyelaran", ("atrial-fibrillation", "hypertension")),
        Person("benjamin-walsh", "Benjamin", "Walsh", "1995-03-17", "male", "100227", "330-555-0150",
               "210 Front Street", kci, "771700125", "tessa-grant", ("allergic-rhinitis",)),
        Person("chloe-martin", "Chloe", "Martin", "2001-11-23", "female", "100228", "330-555-0151", "8 Dormitory Way",
               evm, "205711940", "tessa-grant", ("migraine",), (("peanut", "anaphylaxis", "high"),)),
        Person("dmitri-volkov", "Dmitri", "Volkov", "1961-01-05", "male", "100229", "330-555-0152", "73 River Road",
               lhp, "558702218", "james-oyelaran", ("gout", "hypertension")),
        Person("eleanor-price", "Eleanor", "Price", "1948-04-02", "female", "100230", "330-555-0153", "30 Abbey Road",
               sar, "310140019", "helen-marsh", ("hypothyroidism", "hypertension"), (("codeine", "nausea", "low"),)),
        Person("fatima-alvi", "Fatima", "Alvi", "1983-09-09", "female", "100231", "330-555-0154", "17 Meadow Lane",
               evm, "205800417", "helen-marsh", ("iron-deficiency",)),
        Person("gregory-stone", "Gregory", "Stone", "1974-12-12", "male", "100232", "330-555-0155", "98 Depot Street",
               kci, "771812290", "tessa-grant", ("low-back-pain", "depression")),
        Person("hannah-becker", "Hannah", "Becker", "1993-06-26", "female", "100233", "330-555-0156", "22 Elm Court",
               lhp, "558790934", "tessa-grant", ()),
        Person("ivan-horvat", "Ivan", "Horvat", "1967-02-02", "male", "100234", "330-555-0157", "501 Steel Avenue",
               evm, "205844472", "james-oyelaran", ("diabetes", "hyperlipidemia")),
        Person("joyce-coleman", "Joyce", "Coleman", "1956-07-31", "female", "100235", "330-555-0158", "6 Rectory Close",
               sar, "310151143", "helen-marsh", ("rheumatoid-arthritis", "hypertension")),
        Person("kenji-tanaka", "Kenji", "Tanaka", "1979-08-15", "male", "100236", "330-555-0159", "84 Union Street",
               kci, "771903358", "tessa-grant", ("gerd",)),
        Person("laura-schmidt", "Laura", "Schmidt", "1989-05-04", "female", "100237", "330-555-0160",
               "39 Parkside Drive", evm, "205910086", "helen-marsh", ("asthma",)),
        Person("miguel-santos", "Miguel", "Santos", "1971-10-20", "male", "100238", "330-555-0161", "115 Harvest Road",
               lhp, "558851107", "james-oyelaran", ("hypertension",), (pen,)),
        Person("nora-fitzgerald", "Nora", "Fitzgerald", "1962-03-03", "female", "100239", "330-555-0162",
               "2 Lighthouse Road", kci, "772014406", "helen-marsh", ("depression", "hyperlipidemia")),
        Person("oliver-jensen", "Oliver", "Jensen", "2016-02-18", "male", "100240", "330-555-0163", "66 School Street",
               evm, "20595510203", "ines-calder", ("asthma",), guardian="Karen Jensen"),
        Person("pauline-roux", "Pauline", "Roux", "1950-09-13", "female", "100241", "330-555-0164", "11 Vineyard Lane",
               sar, "310166652", "james-oyelaran", ("heart-failure", "atrial-fibrillation"), (pen,)),
        Person("quentin-moss", "Quentin", "Moss", "1985-12-29", "male", "100242", "330-555-0165", "47 Tannery Street",
               lhp, "558902216", "tessa-grant", ("left-knee-pain",)),
        Person("rosa-delgado", "Rosa", "Delgado", "1947-01-16", "female", "100243", "330-555-0166",
               "150 Mission Street", sar, "310170904", "helen-marsh", ("diabetes", "ckd3", "hypertension")),
        Person("stephen-clark", "Stephen", "Clark", "1969-06-06", "male", "100244", "330-555-0167", "90 Granite Street",
               kci, "772101178", "james-oyelaran", ("bph", "hyperlipidemia")),
        Person("tara-mcallister", "Tara", "McAllister", "1998-04-11", "female", "100245", "330-555-0168",
               "58 Theatre Lane", evm, "206003319", "tessa-grant", ("allergic-rhinitis",)),
        Person("umar-farouk", "Umar", "Farouk", "1982-08-27", "male", "100246", "330-555-0169", "205 Exchange Street",
               lhp, "559010543", "tessa-grant", ("gerd", "low-back-pain")),
        Person("vivian-ostrowski", "Vivian", "Ostrowski", "1953-11-11", "female", "100247", "330-555-0170",
               "13 Monument Square", sar, "310182201", "helen-marsh", ("knee-osteoarthritis", "hypertension")),
    ]  # fmt: skip


PEOPLE: dict[str, Person] = {person.id: person for person in _rows()}


def patient(person: Person) -> Json:
    """Return the Patient resource."""
    given = person.given.split(" ")
    names = [{"use": "official", "family": person.family, "given": given}]
    if person.former_family:
        names.append(
            {"use": "old", "family": person.former_family, "given": given, "period": {"end": "2023-06-17"}},
        )
    telecom = [{"system": "phone", "value": person.phone, "use": "home" if person.guardian else "mobile"}]
    row: Json = {
        "resourceType": "Patient",
        "id": person.id,
        "identifier": [
            {
                "use": "usual",
                "type": concept(
                    "Medical record number", coding(f"{TERMINOLOGY}/v2-0203", "MR", "Medical record number")
                ),
                "system": MRN,
                "value": person.mrn_value,
                "assigner": organization_ref("regional-medical-center"),
            }
        ],
        "active": True,
        "name": names,
        "telecom": telecom,
        "gender": person.gender,
        "birthDate": person.birth,
        "address": [
            {
                "use": "home",
                "line": [person.street],
                "city": "Riverton",
                "state": "OH",
                "postalCode": "44199",
                "country": "US",
            }
        ],
        "generalPractitioner": [practitioner_ref(person.pcp)],
        "managingOrganization": organization_ref("regional-medical-center"),
    }
    if person.marital:
        term = {"M": "Married", "W": "Widowed"}[person.marital]
        row["maritalStatus"] = concept(term, coding(f"{TERMINOLOGY}/v3-MaritalStatus", person.marital, term))
    if person.guardian:
        given_name, family = person.guardian.split(" ")
        row["contact"] = [
            {
                "relationship": [
                    concept("Mother", coding(f"{TERMINOLOGY}/v3-RoleCode", "MTH", "mother")),
                ],
                "name": {"family": family, "given": [given_name]},
                "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
            }
        ]
    return row
