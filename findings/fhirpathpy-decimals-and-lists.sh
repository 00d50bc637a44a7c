#!/usr/bin/env bash
# fhirpathpy 2.2.4 answers comparisons of decimals and of lists wrongly, and without an error.
#
# A resource read with Python's json holds 8.3 as a float; the library turns it into a decimal when it gives it
# out, but a literal 8.3 in the expression is an exact decimal and the two are found to differ. So `= 8.3` is
# false, `!= 8.3` is true, `in` finds nothing, and quantities differ too. 2.5, which is exact in binary, compares
# as it should, which hides it in tests. Of two lists of the same length `=` and `~` look at the first items only,
# and a birth date with an id beside it (`_birthDate`) counts as two.
#
# FHIRPath 2.0: Decimal, "Equals" (collections are equal item by item); R4, FHIRPath: a primitive is one item.
#
# Seen (Python 3.11): the lines below after SEEN. Due: true, false, true, true, true; false, false, 1.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check fhirpathpy==2.2.4
"$dir/venv/bin/python" -W ignore - <<'PY' | tee "$dir/seen"
import json

import fhirpathpy
from fhirpathpy.models import models

HEMOGLOBIN = json.loads("""{
    "resourceType": "Observation",
    "valueQuantity": {"value": 8.3, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
    "component": [{"valueQuantity": {"value": 2.5}}]
}""")
PATIENT = {
    "resourceType": "Patient",
    "name": [{"given": ["Rosa", "Ida"]}],
    "birthDate": "1990-05-06",
    "_birthDate": {"id": "b"},
}


def ask(resource, *expressions):
    for expression in expressions:
        print(expression, "->", fhirpathpy.evaluate(resource, expression, None, models["r4"]))


ask(
    HEMOGLOBIN,
    "Observation.value.value = 8.3",
    "Observation.value.value != 8.3",
    "Observation.value.value in (8.3 | 9)",
    "Observation.value = 8.3 'g/dL'",
    "Observation.component.value.value = 2.5",
)
ask(PATIENT, "Patient.name.given = ('Rosa' | 'Eva')", "Patient.name.given ~ ('Rosa' | 'Eva')", "Patient.birthDate.count()")
PY
if diff "$dir/seen" - <<'SEEN'; then
Observation.value.value = 8.3 -> [False]
Observation.value.value != 8.3 -> [True]
Observation.value.value in (8.3 | 9) -> [False]
Observation.value = 8.3 'g/dL' -> [False]
Observation.component.value.value = 2.5 -> [True]
Patient.name.given = ('Rosa' | 'Eva') -> [True]
Patient.name.given ~ ('Rosa' | 'Eva') -> [True]
Patient.birthDate.count() -> [2]
SEEN
  echo "still so: fhirpathpy 2.2.4"
else
  echo "changed" >&2
  exit 1
fi
