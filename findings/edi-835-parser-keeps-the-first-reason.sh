#!/usr/bin/env bash
# edi-835-parser 1.8.0 keeps the first of the reasons that a CAS segment gives for not paying, without a word.
#
# A CAS has room for six reasons, each with its amount (CAS02 to CAS19). Payers put the deductible and the coinsurance
# into one, both being of the group PR. The package reads CAS02 and CAS03 alone, so what the patient owes is too little
# and the service no longer adds up. Of up to four modifiers of a procedure it has the first, and of the AMT segments
# of a service the last, so the allowed amount is missing where another amount follows it.
#
# 005010X221A1, loop 2110: CAS, SVC01-3 to SVC01-6, AMT; 1.10.2.1: the charge less all adjustments is what is paid.
#
# Seen (Python 3.11): the lines below after SEEN. Due: PR 1 15, PR 2 5, CO 45 100, left over 0; 25 and 59; 100.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check edi-835-parser==1.8.0 2> pip.log
cat > look.py <<'PY'
import edi_835_parser

REMITTANCE = (
    "ST*835*0001~BPR*I*80*C*CHK************20260423~TRN*1*1001*1999999999~DTM*405*20260423~N1*PR*PLAN~"
    "N3*1 MAIN ST~N4*SPRINGFIELD*IL*62701~PER*BL*HELP DESK*TE*2175550188~N1*PE*CLINIC*XX*1234567893~LX*1~"
    "CLP*A1*1*200*80*20*12*ICN1~NM1*QC*1*VEGA*LINA****MI*W1~SVC*HC:99213:25:59*200*80**1~DTM*472*20260401~"
    "CAS*CO*45*100~CAS*PR*1*15**2*5~AMT*B6*100~AMT*KH*1~"
)
with open("remittance.edi", "w") as file:
    file.write(
        "ISA*00*          *00*          *ZZ*PLAN           *ZZ*CLINIC         *260423*0900*^*00501*000000001*0*T*:~"
        "GS*HP*PLAN*CLINIC*20260423*0900*1*X*005010X221A1~"
        f"{REMITTANCE}SE*{REMITTANCE.count('~') + 1}*0001~GE*1*1~IEA*1*000000001~"
    )
sets = edi_835_parser.parse("remittance.edi")
[row] = sets.to_dataframe().to_dict("records")
reasons = [f"adj_{number}" for number in range(9) if f"adj_{number}_code" in row]
for reason in reasons:
    print("not paid:", row[f"{reason}_group"], row[f"{reason}_code"], row[f"{reason}_amount"])
print("left over:", row["charge_amount"] - row["paid_amount"] - sum(row[f"{reason}_amount"] for reason in reasons))
print("modifier:", row["modifier"])
print("allowed:", row["allowed_amount"])
PY
.venv/bin/python -W error look.py | tee seen
if diff seen - <<'SEEN'; then
not paid: CO 45 100.0
not paid: PR 1 15.0
left over: 5.0
modifier: 25
allowed: None
SEEN
  echo "still so: edi-835-parser 1.8.0"
else
  echo "changed" >&2
  exit 1
fi
