"""What the benchmarks run on: definitions and seeds, written to a directory."""

import json
import shutil
from pathlib import Path

CLINIC = Path(__file__).parents[2] / "seeds" / "regional-clinic"

BENCHMARK = """\
slug: bench
version: 1
name: Bench
concurrency: 100
timeout: 3600
environment:
  name: Bench
  simulators:
    - {{type: Fhir, name: EHR, dataset: data}}
    - {{type: Hl7, name: Engine}}
    - {{type: Files, name: Drop}}
tasks:
{tasks}
"""


def write_clinic(home: Path, *, resources: int, tasks: int) -> tuple[str, str]:
    """Write a benchmark of so many tasks on the clinic dataset, or on generated resources.

    Returns the seeds directory and the playgrounds directory as text.
    """
    seeds, playgrounds = home / "seeds", home / "playgrounds"
    folder = playgrounds / "bench" / "v1"
    if not folder.exists():
        folder.mkdir(parents=True)
        rows = "\n".join(f"  - {{key: task-{i}, name: Task {i}}}" for i in range(tasks))
        (folder / "benchmark.yaml").write_text(BENCHMARK.format(tasks=rows))
        target = seeds / "data" / "fhir"
        if resources == 0:
            shutil.copytree(CLINIC / "fhir", target)
        else:
            target.mkdir(parents=True)
            write_resources(target, resources)
    return str(seeds), str(playgrounds)


def patient(number: int) -> dict:
    """Return the patient of a number. No family name is the beginning of another: strings match by how they begin."""
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "identifier": [{"system": "urn:mrn", "value": f"MRN{number:07d}"}],
        "name": [{"family": f"Family{number % 977:03d}", "given": [f"Given{number % 311}", "Q"]}],
        "gender": ("male", "female")[number % 2],
        "birthDate": f"{1930 + number % 80}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        "telecom": [{"system": "phone", "value": f"555-01{number % 100:02d}"}],
        "address": [{"line": [f"{number} Main St"], "city": "Springfield", "postalCode": f"{10000 + number % 9000}"}],
    }


def observation(number: int, patients: int) -> dict:
    """Return the observation of a number, about one of the patients."""
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": ("2823-3", "718-7", "4548-4")[number % 3]}]},
        "subject": {"reference": f"Patient/p{number % patients}"},
        "effectiveDateTime": f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T08:{number % 60:02d}:00Z",
        "valueQuantity": {
            "value": 3 + number % 40 / 10,
            "unit": "mmol/L",
            "system": "http://unitsofmeasure.org",
            "code": "mmol/L",
        },
    }


def write_resources(folder: Path, count: int) -> None:
    """Write so many patients and observations, one in ten a patient."""
    patients = max(1, count // 10)
    with (folder / "Patient.ndjson").open("w") as out:
        out.writelines(json.dumps(patient(i)) + "\n" for i in range(patients))
    with (folder / "Observation.ndjson").open("w") as out:
        out.writelines(json.dumps(observation(i, patients)) + "\n" for i in range(count - patients))


def oru(segments: int) -> str:
    """Return a valid ORU^R01 of so many segments."""
    lines = [
        "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423090000||ORU^R01^ORU_R01|MSG00001|P|2.5.1",
        "PID|1||MRN0000001^^^CLINIC^MR||Chen^Maria^L||19650315|F|||1 Main St^^Springfield^IL^62701",
        "ORC|RE|ORD1|FIL1||CM",
        "OBR|1|ORD1|FIL1|24323-8^Comprehensive metabolic panel^LN|||20260423080000|||||||||1234567893^Ng^Ada"
        "||||||20260423090000|||F",
    ]
    while len(lines) < segments:
        number = len(lines) - 3
        lines.append(
            f"OBX|{number}|NM|2823-3^Potassium^LN|{number}|{3 + number / 10:.1f}|mmol/L^mmol/L^UCUM|3.5-5.1|N|||F"
            "|||20260423080000"
        )
    return "\r".join(lines)
