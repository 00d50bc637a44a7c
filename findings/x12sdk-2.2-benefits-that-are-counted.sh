#!/usr/bin/env bash
# x12sdk cannot read a 271 that says how many visits or days are covered, or names a procedure alone.
#
# In an eligibility answer (005010X279A1, loop 2110C) EB09 is a qualifier, a code such as VS for visits, and EB10 the
# quantity it counts. x12sdk wants a decimal in EB09, so one such benefit makes the whole answer unreadable; benefits in
# money (EB07) are read. EB03, the service types, may be empty where EB13 names a procedure; x12sdk wants one of its
# codes there.
#
# Seen with 2.2.0 (Python 3.11):
#   covered: read
#   a copay of 25: read
#   30 visits: ValidationError, eb_segment.quantity_qualifier, Input should be a valid decimal
#   60 days: ValidationError, eb_segment.quantity_qualifier, Input should be a valid decimal
#   a procedure with its service type: read
#   a procedure alone: ValidationError, eb_segment.service_type_code.0, Input should be one of its codes
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv .venv
.venv/bin/pip install --quiet x12sdk==2.2.0 2> pip.log
cat > look.py <<'PY'
from pydantic import ValidationError
from x12sdk.io import X12ModelReader

ENVELOPE = (
    "ISA*00*          *00*          *ZZ*PLAN           *ZZ*CLINIC         *260423*0900*^*00501*000000001*0*T*:~"
    "GS*HB*PLAN*CLINIC*20260423*0900*1*X*005010X279A1~"
)
ASKED = (
    "ST*271*0001*005010X279A1~BHT*0022*11*REF1*20260423*0900~HL*1**20*1~NM1*PR*2*PLAN*****PI*12345~HL*2*1*21*1~"
    "NM1*1P*2*CLINIC*****XX*1234567893~HL*3*2*22*0~NM1*IL*1*Doe*Pat****MI*W1~DMG*D8*19700101~"
)


def read(label: str, benefit: str) -> None:
    inner = f"{ASKED}{benefit}~"
    text = f"{ENVELOPE}{inner}SE*{inner.count('~') + 1}*0001~GE*1*1~IEA*1*000000001~"
    try:
        with X12ModelReader(text) as reader:
            [model] = list(reader.models())
        assert benefit in model.x12(), model.x12()
        print(f"{label}: read")
    except ValidationError as error:
        [first, *_] = error.errors()
        place = ".".join(map(str, first["loc"])).partition("loop_2110c.0.")[2]
        said = "Input should be one of its codes" if first["type"] in ("enum", "literal_error") else first["msg"]
        print(f"{label}: ValidationError, {place}, {said.partition(',')[0]}")


read("covered", "EB*1*IND*30")
read("a copay of 25", "EB*B*IND*98***27*25")
read("30 visits", "EB*F*IND*PT***23***VS*30")
read("60 days", "EB*F*IND*47***23***DY*60")
read("a procedure with its service type", "EB*1*IND*30**********HC:72148")
read("a procedure alone", "EB*1*IND***********HC:72148")
PY
.venv/bin/python look.py | tee seen
if diff seen - <<'SEEN'; then
covered: read
a copay of 25: read
30 visits: ValidationError, eb_segment.quantity_qualifier, Input should be a valid decimal
60 days: ValidationError, eb_segment.quantity_qualifier, Input should be a valid decimal
a procedure with its service type: read
a procedure alone: ValidationError, eb_segment.service_type_code.0, Input should be one of its codes
SEEN
  echo "still so: x12sdk 2.2.0"
else
  echo "changed" >&2
  exit 1
fi
