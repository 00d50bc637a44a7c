#!/usr/bin/env bash
# hccinfhir 0.4.0 gives the rendering provider of one service line of a claim to the lines after it.
#
# A line that somebody else rendered names that person after its SV1 (loop 2420A); the other lines are the claim's own
# provider's (loop 2310B). The package makes its record of a line when it meets SV1 and keeps the last NM1 82 that it
# has seen, so the line that names a provider has the claim's, and the next, which names nobody, has that provider and
# specialty. Nothing is reported. Risk adjustment counts a diagnosis by the specialty of who saw the patient.
#
# 005010X222A1, loops 2310B and 2420A: 2420A is sent where a line's provider is not the one of 2310B, and holds for it
# alone.
#
# Seen (Python 3.11): the lines below after SEEN. Due: 99213 ONE, 93000 TWO with 207RC0000X, 36415 ONE with 207R00000X.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check hccinfhir==0.4.0 2> pip.log
cat > look.py <<'PY'
from hccinfhir import extract_sld

NAMES = {"1000000004": "ONE", "2000000002": "TWO"}
CLAIM = (
    "ST*837*0001*005010X222A1~BHT*0019*00*B1*20260423*0900*CH~NM1*41*2*CLINIC*****46*C1~"
    "PER*IC*DESK*TE*2175550188~NM1*40*2*PLAN*****46*P1~HL*1**20*1~NM1*85*2*CLINIC*****XX*1234567893~N3*1 MAIN ST~"
    "N4*SPRINGFIELD*IL*627010000~REF*EI*123456789~HL*2*1*22*0~SBR*P*18*******CI~NM1*IL*1*VEGA*LINA****MI*W1~"
    "N3*2 OAK ST~N4*SPRINGFIELD*IL*62701~DMG*D8*19800229*F~NM1*PR*2*PLAN*****PI*P1~"
    "CLM*A1*300***11:B:1*Y*A*Y*Y~HI*ABK:E119*ABF:I10~NM1*82*1*ONE*ANN****XX*1000000004~PRV*PE*PXC*207R00000X~"
    "LX*1~SV1*HC:99213*100*UN*1***1~DTP*472*D8*20260401~"
    "LX*2~SV1*HC:93000*100*UN*1***2~DTP*472*D8*20260401~NM1*82*1*TWO*BEN****XX*2000000002~PRV*PE*PXC*207RC0000X~"
    "LX*3~SV1*HC:36415*100*UN*1***1~DTP*472*D8*20260401~"
)
lines = extract_sld(
    "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PLAN           *260423*0900*^*00501*000000001*0*T*:~"
    "GS*HC*CLINIC*PLAN*20260423*0900*1*X*005010X222A1~"
    f"{CLAIM}SE*{CLAIM.count('~') + 1}*0001~GE*1*1~IEA*1*000000001~",
    format="837",
)
for line in lines:
    print(line.procedure_code, NAMES[line.performing_provider_npi], line.provider_specialty)
PY
.venv/bin/python look.py | tee seen
if diff seen - <<'SEEN'; then
99213 ONE 207R00000X
93000 ONE 207R00000X
36415 TWO 207RC0000X
SEEN
  echo "still so: hccinfhir 0.4.0"
else
  echo "changed" >&2
  exit 1
fi
