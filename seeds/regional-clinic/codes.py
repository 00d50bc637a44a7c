"""The code systems and the public codes the clinic's charts use, each under a short name.

SNOMED CT and ICD-10-CM for problems, RxNorm for drugs, LOINC and UCUM for results, CVX for vaccines.
CPT codes appear as bare numbers: their descriptions are the publisher's.
"""

from typing import Any

Json = dict[str, Any]

SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CVX = "http://hl7.org/fhir/sid/cvx"
CPT = "http://www.ama-assn.org/go/cpt"
NPI = "http://hl7.org/fhir/sid/us-npi"
NUCC = "http://nucc.org/provider-taxonomy"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

CLINIC = "https://regional-clinic.example/fhir"
MRN = f"{CLINIC}/identifier/mrn"
ORDER = f"{CLINIC}/identifier/order"
REFERRAL = f"{CLINIC}/identifier/referral"
ACCESSION = f"{CLINIC}/identifier/accession"


def coding(system: str, code: str, display: str | None = None) -> Json:
    """Return a Coding."""
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(text: str, *codings: Json) -> Json:
    """Return a CodeableConcept."""
    return {"coding": list(codings), "text": text}


# name: (SNOMED CT, its term, ICD-10-CM, its term, plain text)
PROBLEMS: dict[str, tuple[str, str, str, str, str]] = {
    "diabetes": (
        "44054006",
        "Diabetes mellitus type 2",
        "E11.9",
        "Type 2 diabetes mellitus without complications",
        "Type 2 diabetes",
    ),
    "hypertension": ("59621000", "Essential hypertension", "I10", "Essential (primary) hypertension", "Hypertension"),
    "hyperlipidemia": ("55822004", "Hyperlipidemia", "E78.5", "Hyperlipidemia, unspecified", "High cholesterol"),
    "asthma": ("195967001", "Asthma", "J45.909", "Unspecified asthma, uncomplicated", "Asthma"),
    "copd": (
        "13645005",
        "Chronic obstructive lung disease",
        "J44.9",
        "Chronic obstructive pulmonary disease, unspecified",
        "COPD",
    ),
    "hypothyroidism": ("40930008", "Hypothyroidism", "E03.9", "Hypothyroidism, unspecified", "Hypothyroidism"),
    "atrial-fibrillation": (
        "49436004",
        "Atrial fibrillation",
        "I48.91",
        "Unspecified atrial fibrillation",
        "Atrial fibrillation",
    ),
    "heart-failure": ("84114007", "Heart failure", "I50.9", "Heart failure, unspecified", "Heart failure"),
    "ckd3": (
        "433144002",
        "Chronic kidney disease stage 3",
        "N18.30",
        "Chronic kidney disease, stage 3 unspecified",
        "Chronic kidney disease, stage 3",
    ),
    "gerd": (
        "235595009",
        "Gastroesophageal reflux disease",
        "K21.9",
        "Gastro-esophageal reflux disease without esophagitis",
        "Reflux disease",
    ),
    "migraine": (
        "37796009",
        "Migraine",
        "G43.909",
        "Migraine, unspecified, not intractable, without status migrainosus",
        "Migraine",
    ),
    "depression": ("35489007", "Depressive disorder", "F32.A", "Depression, unspecified", "Depression"),
    "knee-osteoarthritis": (
        "239873007",
        "Osteoarthritis of knee",
        "M17.9",
        "Osteoarthritis of knee, unspecified",
        "Osteoarthritis of the knee",
    ),
    "gout": ("90560007", "Gout", "M10.9", "Gout, unspecified", "Gout"),
    "bph": (
        "266569009",
        "Benign prostatic hyperplasia",
        "N40.0",
        "Benign prostatic hyperplasia without lower urinary tract symptoms",
        "Benign prostatic hyperplasia",
    ),
    "iron-deficiency": (
        "87522002",
        "Iron deficiency anemia",
        "D50.9",
        "Iron deficiency anemia, unspecified",
        "Iron deficiency anemia",
    ),
    "rheumatoid-arthritis": (
        "69896004",
        "Rheumatoid arthritis",
        "M06.9",
        "Rheumatoid arthritis, unspecified",
        "Rheumatoid arthritis",
    ),
    "allergic-rhinitis": ("61582004", "Allergic rhinitis", "J30.9", "Allergic rhinitis, unspecified", "Hay fever"),
    "lumbar-radiculopathy": (
        "128196005",
        "Lumbar radiculopathy",
        "M54.16",
        "Radiculopathy, lumbar region",
        "Lumbar radiculopathy",
    ),
    "low-back-pain": ("279039007", "Low back pain", "M54.50", "Low back pain, unspecified", "Low back pain"),
    "right-knee-pain": ("30989003", "Knee pain", "M25.561", "Pain in right knee", "Right knee pain"),
    "left-knee-pain": ("30989003", "Knee pain", "M25.562", "Pain in left knee", "Left knee pain"),
    "right-shoulder-pain": ("45326000", "Shoulder pain", "M25.511", "Pain in right shoulder", "Right shoulder pain"),
    "cough": ("49727002", "Cough", "R05.3", "Chronic cough", "Chronic cough"),
    "abdominal-pain": ("21522001", "Abdominal pain", "R10.9", "Unspecified abdominal pain", "Abdominal pain"),
}

# name: (RxNorm, its name, sig). Strength-less entries are ingredients.
DRUGS: dict[str, tuple[str, str, str]] = {
    "metformin": ("861007", "metformin hydrochloride 500 MG Oral Tablet", "1 tablet twice daily with meals"),
    "lisinopril": ("314076", "lisinopril 10 MG Oral Tablet", "1 tablet once daily"),
    "amlodipine": ("197361", "amlodipine 5 MG Oral Tablet", "1 tablet once daily"),
    "atorvastatin": ("617310", "atorvastatin 20 MG Oral Tablet", "1 tablet at bedtime"),
    "albuterol": (
        "745679",
        "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
        "2 puffs every 4 to 6 hours as needed",
    ),
    "tiotropium": ("69120", "tiotropium", "1 inhalation once daily"),
    "levothyroxine": (
        "966222",
        "levothyroxine sodium 0.075 MG Oral Tablet",
        "1 tablet every morning on an empty stomach",
    ),
    "apixaban": ("1364445", "apixaban 5 MG Oral Tablet", "1 tablet twice daily"),
    "warfarin": ("855332", "warfarin sodium 5 MG Oral Tablet", "1 tablet every evening, dose by INR"),
    "furosemide": ("313988", "furosemide 40 MG Oral Tablet", "1 tablet every morning"),
    "spironolactone": ("313096", "spironolactone 25 MG Oral Tablet", "1 tablet once daily"),
    "omeprazole": ("198051", "omeprazole 20 MG Delayed Release Oral Capsule", "1 capsule before breakfast"),
    "sertraline": ("312941", "sertraline 50 MG Oral Tablet", "1 tablet once daily"),
    "allopurinol": ("197319", "allopurinol 100 MG Oral Tablet", "1 tablet once daily"),
    "tamsulosin": ("863669", "tamsulosin hydrochloride 0.4 MG Oral Capsule", "1 capsule at bedtime"),
    "ferrous-sulfate": ("310325", "ferrous sulfate 325 MG Oral Tablet", "1 tablet every other day"),
    "methotrexate": ("105585", "methotrexate 2.5 MG Oral Tablet", "6 tablets once weekly"),
    "cetirizine": ("1014678", "cetirizine hydrochloride 10 MG Oral Tablet", "1 tablet once daily as needed"),
    "sumatriptan": ("37418", "sumatriptan", "50 mg at onset of migraine, may repeat once after 2 hours"),
    "acetaminophen": ("198440", "acetaminophen 500 MG Oral Tablet", "2 tablets every 8 hours as needed"),
    "ibuprofen": ("197806", "ibuprofen 600 MG Oral Tablet", "1 tablet every 8 hours with food as needed"),
    "gabapentin": ("310431", "gabapentin 300 MG Oral Capsule", "1 capsule three times daily"),
}

# What a problem is usually treated with here.
TREATMENT: dict[str, list[str]] = {
    "diabetes": ["metformin"],
    "hypertension": ["lisinopril"],
    "hyperlipidemia": ["atorvastatin"],
    "asthma": ["albuterol"],
    "copd": ["tiotropium", "albuterol"],
    "hypothyroidism": ["levothyroxine"],
    "atrial-fibrillation": ["apixaban"],
    "heart-failure": ["furosemide", "lisinopril"],
    "gerd": ["omeprazole"],
    "migraine": ["sumatriptan"],
    "depression": ["sertraline"],
    "knee-osteoarthritis": ["acetaminophen"],
    "gout": ["allopurinol"],
    "bph": ["tamsulosin"],
    "iron-deficiency": ["ferrous-sulfate"],
    "rheumatoid-arthritis": ["methotrexate"],
    "allergic-rhinitis": ["cetirizine"],
    "lumbar-radiculopathy": ["gabapentin"],
}

# name: (system, code, term, category, text)
ALLERGENS: dict[str, tuple[str, str, str, str, str]] = {
    "penicillin": (SNOMED, "91936005", "Allergy to penicillin", "medication", "Penicillin"),
    "sulfonamide": (SNOMED, "91939003", "Allergy to sulfonamide", "medication", "Sulfa drugs"),
    "codeine": (RXNORM, "2670", "codeine", "medication", "Codeine"),
    "contrast": (SNOMED, "293637006", "Allergy to contrast media", "medication", "Iodinated contrast"),
    "peanut": (SNOMED, "91935009", "Allergy to peanut", "food", "Peanut"),
    "latex": (SNOMED, "111088007", "Latex", "environment", "Latex"),
}
REACTIONS: dict[str, tuple[str, str]] = {
    "hives": ("126485001", "Urticaria"),
    "rash": ("271807003", "Eruption of skin"),
    "anaphylaxis": ("39579001", "Anaphylaxis"),
    "nausea": ("422587007", "Nausea"),
}

# name: (LOINC, long name, UCUM, low, high)
TESTS: dict[str, tuple[str, str, str, float | None, float | None]] = {
    "sodium": ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 136, 145),
    "potassium": ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.5, 5.1),
    "chloride": ("2075-0", "Chloride [Moles/volume] in Serum or Plasma", "mmol/L", 98, 107),
    "co2": ("2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma", "mmol/L", 22, 29),
    "bun": ("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", 7, 20),
    "creatinine": ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.6, 1.3),
    "glucose": ("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 70, 99),
    "calcium": ("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 8.6, 10.3),
    "hemoglobin": ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12.0, 16.0),
    "a1c": ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4.0, 5.6),
    "ldl": ("13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL", None, 100),
    "tsh": ("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 0.4, 4.5),
    "inr": ("6301-6", "INR in Platelet poor plasma by Coagulation assay", "{INR}", 0.8, 1.2),
    "ferritin": ("2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "ng/mL", 15, 150),
}
PANELS: dict[str, tuple[str, str]] = {
    "bmp": ("51990-0", "Basic metabolic panel - Blood"),
    "cbc": ("58410-2", "CBC panel - Blood by Automated count"),
    "lipid": ("24331-1", "Lipid 1996 panel - Serum or Plasma"),
}

# name: (CVX, short name)
VACCINES: dict[str, tuple[str, str]] = {
    "influenza": ("140", "Influenza, split virus, trivalent, PF"),
    "tdap": ("115", "Tdap"),
    "pneumococcal": ("33", "pneumococcal polysaccharide PPV23"),
    "zoster": ("187", "zoster recombinant"),
    "mmr": ("03", "MMR"),
}

# name: (SNOMED CT, its term, NUCC taxonomy, its name)
SPECIALTIES: dict[str, tuple[str, str, str, str]] = {
    "family-medicine": ("419772000", "Family practice", "207Q00000X", "Family Medicine Physician"),
    "internal-medicine": ("419192003", "Internal medicine", "207R00000X", "Internal Medicine Physician"),
    "nurse-practitioner": ("419772000", "Family practice", "363LF0000X", "Family Nurse Practitioner"),
    "pediatrics": ("394537008", "Pediatric specialty", "208000000X", "Pediatrics Physician"),
    "cardiology": ("394579002", "Cardiology", "207RC0000X", "Cardiovascular Disease Physician"),
    "orthopedics": ("394801008", "Trauma and orthopedics", "207X00000X", "Orthopaedic Surgery Physician"),
    "neurology": ("394591006", "Neurology", "2084N0400X", "Neurology Physician"),
    "endocrinology": (
        "394583002",
        "Endocrinology",
        "207RE0101X",
        "Endocrinology, Diabetes & Metabolism Physician",
    ),
}


def problem_code(name: str) -> Json:
    """Return a problem's CodeableConcept with its SNOMED CT and ICD-10-CM codings."""
    snomed, term, icd, icd_term, text = PROBLEMS[name]
    return concept(text, coding(SNOMED, snomed, term), coding(ICD10, icd, icd_term))


def test_code(name: str) -> Json:
    """Return a laboratory test's CodeableConcept."""
    code, term, *_ = TESTS[name]
    return concept(term, coding(LOINC, code, term))


test_code.__test__ = False  # type: ignore[attr-defined]


def quantity(name: str, value: float) -> Json:
    """Return a result in the test's own unit."""
    return {"value": value, "unit": TESTS[name][2], "system": UCUM, "code": TESTS[name][2]}


def reference_range(name: str) -> Json:
    """Return the test's reference range."""
    _, _, unit, low, high = TESTS[name]
    bounds = {"low": low, "high": high}
    return {
        side: {"value": value, "unit": unit, "system": UCUM, "code": unit}
        for side, value in bounds.items()
        if value is not None
    }


def interpretation(name: str, value: float) -> Json:
    """Return L, N or H as the test's reference range has it."""
    _, _, _, low, high = TESTS[name]
    code, term = ("N", "Normal")
    if low is not None and value < low:
        code, term = ("L", "Low")
    if high is not None and value > high:
        code, term = ("H", "High")
    return concept(term, coding(f"{TERMINOLOGY}/v3-ObservationInterpretation", code, term))


def npi(serial: int) -> str:
    """Return a National Provider Identifier from the block 199999…, check digit included.

    >>> npi(1)
    '1999990017'
    """
    body = f"199999{serial:03d}"
    return body + check_digit(body)


def check_digit(body: str) -> str:
    """Return the Luhn check digit over the card-issuer prefix 80840 and the nine digits (45 CFR 162.406)."""
    total = 0
    for position, character in enumerate(reversed("80840" + body)):
        digit = int(character) * (2 if position % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return str(-total % 10)
