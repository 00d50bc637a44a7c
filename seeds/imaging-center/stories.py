"""What the charts tell: problems, orders, visit notes, kidney function, appointments; as plain rows."""

DIAGNOSES = {
    "M54.16": "Radiculopathy, lumbar region",
    "M54.12": "Radiculopathy, cervical region",
    "M51.16": "Intervertebral disc disorders with radiculopathy, lumbar region",
    "M21.371": "Foot drop, right foot",
    "C81.18": "Nodular sclerosis Hodgkin lymphoma, lymph nodes of multiple sites",
    "S83.241A": "Other tear of medial meniscus, current injury, right knee, initial encounter",
    "M25.511": "Pain in right shoulder",
    "M25.562": "Pain in left knee",
    "D35.2": "Benign neoplasm of pituitary gland",
    "E04.1": "Nontoxic single thyroid nodule",
    "G43.909": "Migraine, unspecified, not intractable, without status migrainosus",
    "Z12.2": "Encounter for screening for malignant neoplasm of respiratory organs",
    "Z87.891": "Personal history of nicotine dependence",
    "K80.20": "Calculus of gallbladder without cholecystitis without obstruction",
    "I10": "Essential (primary) hypertension",
    "R91.1": "Solitary pulmonary nodule",
}
# patient, diagnosis, since
PROBLEMS = (
    ("priya-raman", "M54.16", "2026-03-02"),
    ("elena-sorokina", "C81.18", "2026-04-20"),
    ("terrence-oduya", "S83.241A", "2026-05-16"),
    ("marcus-bell", "R91.1", "2026-02-18"),
    ("marcus-bell-2", "M54.16", "2026-04-06"),
    ("omar-farid", "M54.16", "2026-03-30"),
    ("omar-farid", "M25.562", "2026-04-13"),
    ("grace-whitlock", "M54.12", "2026-02-23"),
    ("grace-whitlock", "M25.511", "2025-10-06"),
    ("samuel-ortega", "M51.16", "2026-04-27"),
    ("samuel-ortega", "M21.371", "2026-06-03"),
    ("hannah-lindqvist", "D35.2", "2025-05-19"),
    ("walter-nakamura", "E04.1", "2026-05-29"),
    ("joanna-pike", "G43.909", "2024-09-09"),
    ("dale-hutchins", "Z87.891", "2014-10-01"),
    ("ruth-ellery", "K80.20", "2026-05-25"),
    ("ruth-ellery-2", "I10", "2009-03-12"),
    ("nina-castell", "S83.241A", "2026-05-30"),
    ("victor-amsel", "I10", "2015-07-20"),
    ("victor-amsel", "R91.1", "2026-05-27"),
    ("lucia-fontaine", "G43.909", "2022-01-17"),
    ("hugh-barlow", "M54.16", "2026-05-11"),
)
# number, patient, clinician, CPT, what the clinic calls it, diagnoses, how many, written
ORDERS = (
    ("HPO-260605-11", "priya-raman", "bram-kessler", "72148", "MRI lumbar spine", ["M54.16"], 1, "2026-06-05"),
    ("HPO-260608-02", "elena-sorokina", "chidi-amadi", "78815", "PET-CT, series of three", ["C81.18"], 3, "2026-06-08"),
    ("HPO-260608-05", "terrence-oduya", "dora-lisle", "73721", "MRI right knee", ["S83.241A"], 1, "2026-06-08"),
    ("HPO-260602-07", "samuel-ortega", "adele-ferris", "72148", "MRI lumbar spine", ["M51.16"], 1, "2026-06-02"),
    ("HPO-260608-09", "hannah-lindqvist", "evan-holt", "70553", "MRI brain, pituitary", ["D35.2"], 1, "2026-06-08"),
    ("HPO-260608-14", "walter-nakamura", "evan-holt", "76536", "Ultrasound thyroid", ["E04.1"], 1, "2026-06-08"),
    ("HPO-260609-01", "joanna-pike", "dora-lisle", "70551", "MRI brain", ["G43.909"], 1, "2026-06-09"),
    (
        "HPO-260604-03",
        "dale-hutchins",
        "bram-kessler",
        "71271",
        "CT lung screening",
        ["Z12.2", "Z87.891"],
        1,
        "2026-06-04",
    ),
    ("HPO-260603-06", "hugh-barlow", "bram-kessler", "72148", "MRI lumbar spine", ["M54.16"], 1, "2026-06-03"),
    ("HPO-260520-04", "marcus-bell", "bram-kessler", "71250", "CT chest", ["R91.1"], 1, "2026-05-20"),
)
# patient, suffix, day, clinician, text
NOTES = (
    (
        "priya-raman",
        "visit-2026-06-05",
        "2026-06-05",
        "bram-kessler",
        "Low back pain with left L5 radiculopathy since early March. Eight weeks of supervised physical therapy, "
        "2026-03-30 to 2026-05-22, without lasting relief. No fever, no weight loss, no trauma, no cancer in "
        "her history. "
        "Strength 5/5 throughout, sensation intact, bladder and bowel normal. Plan: MRI of the lumbar spine.",
    ),
    (
        "priya-raman",
        "visit-2024-02-12",
        "2024-02-12",
        "dora-lisle",
        "Mechanical low back pain after moving house. Three weeks of physical therapy ordered. No leg symptoms.",
    ),
    (
        "samuel-ortega",
        "visit-2026-05-12",
        "2026-05-12",
        "adele-ferris",
        "Right L5 radiculopathy for two weeks. Strength 5/5 in both legs. Starts supervised physical "
        "therapy; if there is "
        "no improvement an MRI.",
    ),
    (
        "samuel-ortega",
        "visit-2026-06-04",
        "2026-06-04",
        "adele-ferris",
        "Worse. New right foot drop since 2026-06-03: ankle dorsiflexion 3/5 on the right, 5/5 on the left. "
        "Bladder and "
        "bowel normal. Three weeks of supervised physical therapy, stopped on 2026-06-03 because of the "
        "weakness. MRI is "
        "needed to decide on decompression.",
    ),
    (
        "hannah-lindqvist",
        "visit-2026-06-08",
        "2026-06-08",
        "evan-holt",
        "Pituitary microadenoma, yearly control. Had gadolinium contrast in 2025 and tolerated it well; no "
        "allergy to "
        "contrast medium known. Kidney function see laboratory. Plan: MRI with and without contrast.",
    ),
    (
        "dale-hutchins",
        "visit-2013-09-10",
        "2013-09-10",
        "dora-lisle",
        "Smokes one pack a day since 1984, 29 pack-years so far. Not ready to stop.",
    ),
    (
        "dale-hutchins",
        "visit-2026-06-04",
        "2026-06-04",
        "bram-kessler",
        "Annual visit. Former smoker: stopped for good in October 2014, 30 pack-years in all. No cough, no "
        "weight loss, "
        "no hemoptysis. Benefits and harms of lung cancer screening were discussed today, he decided for it. "
        "Plan: low-dose CT.",
    ),
    (
        "joanna-pike",
        "visit-2026-06-09",
        "2026-06-09",
        "dora-lisle",
        "Migraine without aura, more frequent since spring, examination normal. She asks for imaging. Plan: "
        "MRI of the "
        "brain without contrast.",
    ),
    (
        "walter-nakamura",
        "visit-2026-06-08",
        "2026-06-08",
        "evan-holt",
        "Palpable nodule of the right thyroid lobe, TSH normal. Plan: ultrasound; no other imaging for now.",
    ),
    (
        "terrence-oduya",
        "visit-2026-06-08",
        "2026-06-08",
        "dora-lisle",
        "Right knee twisted at football on 2026-05-16, locking. He says that he has seen Dr. Maddox of Ridgeway "
        "Orthopedics last week. Plan: MRI of the right knee.",
    ),
    (
        "elena-sorokina",
        "visit-2026-06-08",
        "2026-06-08",
        "chidi-amadi",
        "Hodgkin lymphoma, second cycle done. PET-CT after the second cycle, after the fourth and at the end "
        "of therapy: "
        "three scans, asked for together as one request with three units.",
    ),
)
# patient, day, eGFR in mL/min/1.73 m2
KIDNEY = (("hannah-lindqvist", "2025-05-20", 101), ("hannah-lindqvist", "2026-06-02", 94))
# patient, number of the scan, start
SCANS = (
    ("elena-sorokina", 1, "2026-06-16T14:00:00Z"),
    ("elena-sorokina", 2, "2026-07-14T14:00:00Z"),
    ("elena-sorokina", 3, "2026-08-18T14:00:00Z"),
)
