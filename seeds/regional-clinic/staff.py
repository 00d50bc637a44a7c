"""The clinic itself: organizations, clinicians, rooms, calendars. Knows nothing of patients."""

from datetime import date, datetime, timedelta

from codes import CLINIC, NPI, NUCC, SNOMED, SPECIALTIES, TERMINOLOGY, Json, coding, concept, npi

ADDRESS = {"line": ["400 Riverside Avenue"], "city": "Riverton", "state": "OH", "postalCode": "44199", "country": "US"}

# id: (name, kind, phone, fax)
ORGANIZATIONS: dict[str, tuple[str, str, str, str | None]] = {
    "regional-medical-center": ("Regional Medical Center", "prov", "330-555-0100", "330-555-0101"),
    "riverton-imaging": ("Riverton Imaging Center", "prov", "330-555-0102", "330-555-0103"),
    "lakeland-laboratory": ("Lakeland Reference Laboratory", "prov", "330-555-0104", None),
    "maple-street-practice": ("Maple Street Family Practice", "prov", "234-555-0110", "234-555-0111"),
    "northgate-internal": ("Northgate Internal Medicine", "prov", "234-555-0112", "234-555-0113"),
    "harbor-family-health": ("Harbor Family Health", "prov", "234-555-0114", "234-555-0115"),
    "elm-grove-walk-in": ("Elm Grove Walk-in Clinic", "prov", "234-555-0116", "234-555-0117"),
    "evergreen-mutual": ("Evergreen Mutual Health", "ins", "800-555-0120", None),
    "lakeshore-health-plan": ("Lakeshore Health Plan", "ins", "800-555-0121", None),
    "keystone-commercial": ("Keystone Commercial Insurance", "ins", "800-555-0122", None),
    "senior-advantage": ("Senior Advantage of Riverton", "ins", "800-555-0123", None),
}

# id: (given, family, credential, gender, specialty, organization, active)
PRACTITIONERS: dict[str, tuple[str, str, str, str, str, str, bool]] = {
    "helen-marsh": ("Helen", "Marsh", "MD", "female", "family-medicine", "regional-medical-center", True),
    "james-oyelaran": ("James", "Oyelaran", "MD", "male", "internal-medicine", "regional-medical-center", True),
    "tessa-grant": ("Tessa", "Grant", "FNP", "female", "nurse-practitioner", "regional-medical-center", True),
    "ines-calder": ("Ines", "Calder", "MD", "female", "pediatrics", "regional-medical-center", True),
    "amara-osei": ("Amara", "Osei", "MD", "female", "cardiology", "regional-medical-center", True),
    "viktor-lindgren": ("Viktor", "Lindgren", "MD", "male", "cardiology", "regional-medical-center", True),
    "paul-reinholt": ("Paul", "Reinholt", "MD", "male", "cardiology", "regional-medical-center", False),
    "naomi-fischer": ("Naomi", "Fischer", "MD", "female", "orthopedics", "regional-medical-center", True),
    "rajiv-menon": ("Rajiv", "Menon", "MD", "male", "neurology", "regional-medical-center", True),
    "clara-bianchi": ("Clara", "Bianchi", "MD", "female", "endocrinology", "regional-medical-center", True),
    "susan-albrecht": ("Susan", "Albrecht", "MD", "female", "family-medicine", "maple-street-practice", True),
    "peter-kline": ("Peter", "Kline", "MD", "male", "internal-medicine", "northgate-internal", True),
    "monica-salazar": ("Monica", "Salazar", "MD", "female", "family-medicine", "harbor-family-health", True),
    "dana-whitlock": ("Dana", "Whitlock", "FNP", "female", "nurse-practitioner", "elm-grove-walk-in", True),
}

PRACTITIONER_NPI = {key: npi(101 + 7 * index) for index, key in enumerate(PRACTITIONERS)}
ORGANIZATION_NPI = {
    key: npi(501 + 3 * index) for index, (key, row) in enumerate(ORGANIZATIONS.items()) if row[1] == "prov"
}

# Calendars: practitioner → weekdays (Monday is 0), first hour UTC, first day with free slots.
CALENDARS: dict[str, tuple[tuple[int, int], int, date]] = {
    "amara-osei": ((1, 3), 13, date(2026, 4, 30)),
    "viktor-lindgren": ((0, 2), 14, date(2026, 5, 11)),
    "paul-reinholt": ((0, 4), 13, date(2026, 4, 24)),
    "naomi-fischer": ((0, 3), 15, date(2026, 4, 27)),
    "rajiv-menon": ((1, 4), 13, date(2026, 5, 1)),
    "clara-bianchi": ((2, 4), 16, date(2026, 4, 29)),
}
# Free slots start with this one of the first free day; the ones before it that day are taken.
FIRST_FREE_OF_DAY = 2
# Days on which a calendar is closed although slots are free on the days around it.
CLOSED = {("amara-osei", date(2026, 5, 7)), ("naomi-fischer", date(2026, 5, 7)), ("rajiv-menon", date(2026, 5, 8))}
CALENDAR_START, CALENDAR_END = date(2026, 4, 20), date(2026, 5, 29)
SLOTS_A_DAY, SLOT_MINUTES = 5, 40


def display(key: str) -> str:
    """Return a practitioner's name as the clinic writes it."""
    given, family, credential, *_ = PRACTITIONERS[key]
    return f"{given} {family}, {credential}"


def practitioner_ref(key: str) -> Json:
    """Return a reference to a practitioner."""
    return {"reference": f"Practitioner/{key}", "display": display(key)}


def organization_ref(key: str) -> Json:
    """Return a reference to an organization."""
    return {"reference": f"Organization/{key}", "display": ORGANIZATIONS[key][0]}


def specialty_code(name: str) -> Json:
    """Return a specialty with its SNOMED CT coding."""
    code, term, *_ = SPECIALTIES[name]
    return concept(term, coding(SNOMED, code, term))


def organizations() -> list[Json]:
    """Return the clinic, its partners, the referring practices and the payers."""
    made = []
    for key, (name, kind, phone, fax) in ORGANIZATIONS.items():
        term = {"prov": "Healthcare Provider", "ins": "Insurance Company"}[kind]
        telecom = [{"system": "phone", "value": phone, "use": "work"}]
        if fax:
            telecom.append({"system": "fax", "value": fax, "use": "work"})
        row: Json = {"resourceType": "Organization", "id": key}
        if key in ORGANIZATION_NPI:
            row["identifier"] = [{"system": NPI, "value": ORGANIZATION_NPI[key]}]
        row |= {
            "active": True,
            "type": [concept(term, coding(f"{TERMINOLOGY}/organization-type", kind, term))],
            "name": name,
            "telecom": telecom,
        }
        if key == "regional-medical-center":
            row["address"] = [ADDRESS]
        made.append(row)
    return made


def practitioners() -> list[Json]:
    """Return every clinician."""
    return [
        {
            "resourceType": "Practitioner",
            "id": key,
            "identifier": [{"system": NPI, "value": PRACTITIONER_NPI[key]}],
            "active": active,
            "name": [{"use": "official", "family": family, "given": [given], "suffix": [credential]}],
            "telecom": [{"system": "phone", "value": ORGANIZATIONS[organization][2], "use": "work"}],
            "gender": gender,
        }
        for key, (given, family, credential, gender, _, organization, active) in PRACTITIONERS.items()
    ]


def roles() -> list[Json]:
    """Return each clinician's role: where they work and as what."""
    made = []
    for key, (_, _, _, _, specialty, organization, active) in PRACTITIONERS.items():
        _, _, taxonomy, taxonomy_name = SPECIALTIES[specialty]
        made.append(
            {
                "resourceType": "PractitionerRole",
                "id": f"{key}-role",
                "active": active,
                "practitioner": practitioner_ref(key),
                "organization": organization_ref(organization),
                "code": [concept(taxonomy_name, coding(NUCC, taxonomy, taxonomy_name))],
                "specialty": [specialty_code(specialty)],
            }
        )
    return made


def locations() -> list[Json]:
    """Return the clinic's places."""
    names = {"main-clinic": "Main Clinic", "specialty-clinic": "Specialty Clinic", "laboratory-draw": "Blood Draw"}
    return [
        {
            "resourceType": "Location",
            "id": key,
            "status": "active",
            "name": name,
            "mode": "instance",
            "address": ADDRESS,
            "managingOrganization": organization_ref("regional-medical-center"),
        }
        for key, name in names.items()
    ]


def schedules() -> list[Json]:
    """Return a calendar for every specialist; that of a clinician on leave is inactive."""
    made = []
    for key in CALENDARS:
        active = PRACTITIONERS[key][6]
        row: Json = {
            "resourceType": "Schedule",
            "id": f"{key}-calendar",
            "identifier": [{"system": f"{CLINIC}/identifier/calendar", "value": f"CAL-{key.upper()}"}],
            "active": active,
            "specialty": [specialty_code(PRACTITIONERS[key][4])],
            "actor": [
                practitioner_ref(key),
                {"reference": f"PractitionerRole/{key}-role"},
                {"reference": "Location/specialty-clinic", "display": "Specialty Clinic"},
            ],
            "planningHorizon": {"start": f"{CALENDAR_START}T00:00:00Z", "end": f"{CALENDAR_END}T23:59:59Z"},
        }
        if not active:
            row["comment"] = "On leave until further notice. Do not book."
        made.append(row)
    return made


def slot_id(key: str, start: datetime) -> str:
    """Return a slot's id."""
    return f"{key}-{start:%Y%m%d-%H%M}"


def slots(booked: set[str]) -> list[Json]:
    """Return the calendars' slots; `booked` are those an appointment of the seed takes."""
    made = []
    for key, (weekdays, hour, first_free) in CALENDARS.items():
        day = CALENDAR_START
        while day <= CALENDAR_END:
            if day.weekday() in weekdays:
                for number in range(SLOTS_A_DAY):
                    start = datetime(day.year, day.month, day.day, hour) + timedelta(minutes=number * SLOT_MINUTES)
                    is_open = day > first_free or (day == first_free and number >= FIRST_FREE_OF_DAY)
                    status = "free" if is_open and (key, day) not in CLOSED else "busy-unavailable"
                    if slot_id(key, start) in booked:
                        status = "busy"
                    made.append(_slot(key, start, status))
            day += timedelta(days=1)
    return made


def _slot(key: str, start: datetime, status: str) -> Json:
    end = start + timedelta(minutes=SLOT_MINUTES)
    return {
        "resourceType": "Slot",
        "id": slot_id(key, start),
        "specialty": [specialty_code(PRACTITIONERS[key][4])],
        "schedule": {"reference": f"Schedule/{key}-calendar", "display": display(key)},
        "status": status,
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
    }
