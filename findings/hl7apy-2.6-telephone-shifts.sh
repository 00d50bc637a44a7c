#!/usr/bin/env bash
# hl7apy 1.3.5 moves telephone numbers and diagnosis fields of HL7 2.6 when it writes what it has read.
#
# Its 2.6 tables have no first component in the data type XTN, and no DG1-7 to DG1-14 (the version withdrew
# them). Reading goes by the names, so values are found where they stand; writing goes by the number of
# entries, so everything behind a gap is written that many places too far left. The same text in 2.5 and in
# 2.7 comes out as it went in. Other gaps: FT1, PR1 in 2.6; PV1, PR1, SCH in 2.7; fourteen segments in 2.8.
#
# Seen (Python 3.11):
#   2.5 PID-13 ^PRN^PH^^1^217^5550188
#   2.6 PID-13 PRN^PH^^1^217^5550188
#   2.7 PID-13 ^PRN^PH^^1^217^5550188
#   2.5 DG1 DG1|1||R07.9^Chest pain^I10|||A|||||||||1
#   2.6 DG1 DG1|1||R07.9^Chest pain^I10|||A|1
#   2.7 DG1 DG1|1||R07.9^Chest pain^I10|||A|||||||||1
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check hl7apy==1.3.5
"$dir/venv/bin/python" - <<'PY' | tee "$dir/seen"
from hl7apy.parser import parse_segment

PATIENT = "PID|1||7^^^MERCY^MR||VEGA^LINA||||||||^PRN^PH^^1^217^5550188"
DIAGNOSIS = "DG1|1||R07.9^Chest pain^I10|||A|||||||||1"
for version in ("2.5", "2.6", "2.7"):
    print(version, "PID-13", parse_segment(PATIENT, version=version).pid_13.to_er7())
for version in ("2.5", "2.6", "2.7"):
    print(version, "DG1", parse_segment(DIAGNOSIS, version=version).to_er7())
PY
if diff "$dir/seen" - <<'SEEN'; then
2.5 PID-13 ^PRN^PH^^1^217^5550188
2.6 PID-13 PRN^PH^^1^217^5550188
2.7 PID-13 ^PRN^PH^^1^217^5550188
2.5 DG1 DG1|1||R07.9^Chest pain^I10|||A|||||||||1
2.6 DG1 DG1|1||R07.9^Chest pain^I10|||A|1
2.7 DG1 DG1|1||R07.9^Chest pain^I10|||A|||||||||1
SEEN
  echo "still so: hl7apy 1.3.5"
else
  echo "changed" >&2
  exit 1
fi
