"""Who is in the imaging center's charts: patients with their plans, and clinicians."""

from dataclasses import dataclass

EVERMORE_PPO, EVERMORE_HMO = "Evermore PPO 500", "Evermore HMO 20"
TIDEWATER, CEDARLINE = "Tidewater Choice", "Cedarline Advantage"
# plan → the payer whose plan it is, its chart id, its group number
PLANS = {
    EVERMORE_PPO: ("Evermore Health", "evermore-health", "EVG-500"),
    EVERMORE_HMO: ("Evermore Health", "evermore-health", "EVG-020"),
    TIDEWATER: ("Tidewater Mutual", "tidewater-mutual", "TWG-118"),
    CEDARLINE: ("Cedarline Senior", "cedarline-senior", "CDG-001"),
}


@dataclass(frozen=True)
class Clinician:
    """Somebody who orders examinations."""

    id: str
    given: str
    family: str
    suffix: str
    npi: str
    specialty: str
    organization: str
    gender: str

    @property
    def name(self) -> str:
        """The name as it is written in letters and on the portal."""
        return f"{self.given} {self.family}, {self.suffix}"


@dataclass(frozen=True)
class Patient:
    """Somebody whose chart is here, and who is a member of a plan."""

    id: str
    given: str
    family: str
    born: str
    gender: str
    mrn: str
    member: str
    plan: str
    phone: str
    street: str

    @property
    def name(self) -> str:
        """Given name and family name."""
        return f"{self.given} {self.family}"


OURS, RIDGEWAY = "Harbor Point Medical Group", "Ridgeway Orthopedics"
CLINICIANS = {
    row.id: row
    for row in (
        Clinician("adele-ferris", "Adele", "Ferris", "MD", "1999981016", "Neurosurgery", OURS, "female"),
        Clinician("bram-kessler", "Bram", "Kessler", "MD", "1999981149", "Family Medicine", OURS, "male"),
        Clinician("chidi-amadi", "Chidi", "Amadi", "MD", "1999981271", "Hematology and Oncology", OURS, "male"),
        Clinician("dora-lisle", "Dora", "Lisle", "FNP", "1999981305", "Family Medicine", OURS, "female"),
        Clinician("evan-holt", "Evan", "Holt", "MD", "1999981438", "Endocrinology", OURS, "male"),
        Clinician("rosa-maddox", "Rosa", "Maddox", "MD", "1999982097", "Orthopedic Surgery", RIDGEWAY, "female"),
    )
}
_PATIENTS = (
    ("priya-raman", "Priya", "Raman", "1979-08-24", "female", "20418", "TWC600418239", TIDEWATER, "8 Gull Way"),
    (
        "elena-sorokina",
        "Elena",
        "Sorokina",
        "1966-02-11",
        "female",
        "20531",
        "EVP400531872",
        EVERMORE_PPO,
        "41 Elm Row",
    ),
    ("terrence-oduya", "Terrence", "Oduya", "1984-12-05", "male", "20644", "TWC600644015", TIDEWATER, "3 Harbor Lane"),
    ("marcus-bell", "Marcus", "Bell", "1971-04-18", "male", "20757", "EVP400118203", EVERMORE_PPO, "77 Mast Street"),
    ("marcus-bell-2", "Marcus", "Bell", "1991-11-02", "male", "20760", "EVP400771946", EVERMORE_PPO, "12 Cove Road"),
    ("omar-farid", "Omar", "Farid", "1980-03-30", "male", "20873", "TWC600873560", TIDEWATER, "5 Quay Court"),
    (
        "grace-whitlock",
        "Grace",
        "Whitlock",
        "1968-07-30",
        "female",
        "20986",
        "EVP400986714",
        EVERMORE_PPO,
        "9 Tern Hill",
    ),
    ("samuel-ortega", "Samuel", "Ortega", "1969-09-13", "male", "21099", "TWC601099428", TIDEWATER, "60 Shore Drive"),
    (
        "hannah-lindqvist",
        "Hannah",
        "Lindqvist",
        "1993-03-27",
        "female",
        "21102",
        "EVP401102357",
        EVERMORE_PPO,
        "2 Wharf End",
    ),
    (
        "walter-nakamura",
        "Walter",
        "Nakamura",
        "1950-10-08",
        "male",
        "21215",
        "CDM901215660",
        CEDARLINE,
        "18 Pier Avenue",
    ),
    ("joanna-pike", "Joanna", "Pike", "1988-06-16", "female", "21328", "EVH201328094", EVERMORE_HMO, "33 Dune Path"),
    ("dale-hutchins", "Dale", "Hutchins", "1961-01-20", "male", "21431", "CDM901431782", CEDARLINE, "7 Anchor Place"),
    ("ruth-ellery", "Ruth", "Ellery", "1974-05-09", "female", "21544", "TWC601544903", TIDEWATER, "26 Bay Street"),
    ("ruth-ellery-2", "Ruth", "Ellery", "1947-05-09", "female", "21557", "CDM901557340", CEDARLINE, "26 Bay Street"),
    ("nina-castell", "Nina", "Castell", "1990-02-02", "female", "21660", "TWC601660218", TIDEWATER, "14 Reef Close"),
    ("victor-amsel", "Victor", "Amsel", "1957-11-21", "male", "21773", "EVP401773609", EVERMORE_PPO, "50 Jetty Road"),
    (
        "lucia-fontaine",
        "Lucia",
        "Fontaine",
        "1983-05-05",
        "female",
        "21886",
        "TWC601886471",
        TIDEWATER,
        "1 Lantern Square",
    ),
    ("hugh-barlow", "Hugh", "Barlow", "1972-12-19", "male", "21999", "EVP401999157", EVERMORE_PPO, "88 Mast Street"),
)
PATIENTS = {
    id_: Patient(id_, given, family, born, gender, f"HP-{mrn}", member, plan, f"419-555-01{30 + place}", street)
    for place, (id_, given, family, born, gender, mrn, member, plan, street) in enumerate(_PATIENTS)
}
