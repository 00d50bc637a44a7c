#!/usr/bin/env bash
# hl7apy 1.3.5 takes the second order of a laboratory message (OML^O21) for a prior result of the first.
#
# In the structure OML_O21 an order (ORC, OBR) may hold the patient's prior results, which may begin with ORC
# too. hl7apy enters the innermost group that can take a segment, so every order after the first lands among
# the first one's prior results, and validation then misses the observation that a prior result must have.
# A receiver that walks the groups finds one order where two were sent.
#
# Seen (Python 3.11):
#   orders: 1
#   ORC-2 of the orders: ['A1']
#   ORC-2 of prior results: ['A2']
#   ValidationError: Missing required child OML_O21_ORDER_PRIOR.OML_O21_OBSERVATION_PRIOR
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check hl7apy==1.3.5
"$dir/venv/bin/python" - <<'PY' | tee "$dir/seen"
from hl7apy.parser import parse_message

message = parse_message(
    "\r".join(
        [
            "MSH|^~\\&|CPOE|MERCY|LAB|MERCY|20260423091500||OML^O21^OML_O21|1|P|2.5.1",
            "PID|1||7^^^MERCY^MR||VEGA^LINA",
            "ORC|NW|A1",
            "OBR|1|A1||2345-7^Glucose^LN",
            "ORC|NW|A2",
            "OBR|2|A2||718-7^Hemoglobin^LN",
            "",
        ]
    )
)
orders = list(message.oml_o21_order)
prior = [part for order in orders for part in order.oml_o21_observation_request.oml_o21_prior_result]
print("orders:", len(orders))
print("ORC-2 of the orders:", [order.orc.orc_2.to_er7() for order in orders])
print("ORC-2 of prior results:", [part.oml_o21_order_prior.orc.orc_2.to_er7() for part in prior])
try:
    message.validate()
except Exception as error:
    print(f"{type(error).__name__}: {error}")
PY
if diff "$dir/seen" - <<'SEEN'; then
orders: 1
ORC-2 of the orders: ['A1']
ORC-2 of prior results: ['A2']
ValidationError: Missing required child OML_O21_ORDER_PRIOR.OML_O21_OBSERVATION_PRIOR
SEEN
  echo "still so: hl7apy 1.3.5"
else
  echo "changed" >&2
  exit 1
fi
