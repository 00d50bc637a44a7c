#!/usr/bin/env bash
# ucumvert 0.3.2 gives no quantity for the unit of a score, and none for a pH.
#
# An annotation that stands alone is the number 1; it is how UCUM writes the unit of a score, a ratio or an INR. Beside
# another unit ucumvert reads it so. Alone, from_ucum() gives out the parser's token, which is a str: twice a
# score is then "{score}{score}", without an error. [pH], the unit of a blood gas, is in its grammar but not among its
# definitions, and raises.
#
# UCUM 2.1.4 (curly braces): an annotation without a leading symbol is the unity; chemical and biochemical units: [pH].
#
# Seen (Python 3.11): the lines below after SEEN. Due: a Quantity, and 2 dimensionless, for the first four; a Quantity
# for the last.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check ucumvert==0.3.2 pint==0.25.3 2> pip.log
cat > ask.py <<'PY'
from ucumvert import PintUcumRegistry

units = PintUcumRegistry()
for code in ("1", "{score}", "{INR}", "/{HPF}", "[pH]"):
    try:
        one = units.from_ucum(code)
        print(code, "is a", type(one).__name__, "and twice it", one * 2)
    except Exception as error:
        print(code, "raises", str(error).split("\n")[-1])
PY
.venv/bin/python -W ignore ask.py | tee seen
if diff seen - <<'SEEN'; then
1 is a Quantity and twice it 2 dimensionless
{score} is a Token and twice it {score}{score}
{INR} is a Token and twice it {INR}{INR}
/{HPF} is a Quantity and twice it 2 dimensionless
[pH] raises 'pH_value' is not defined in the unit registry
SEEN
  echo "still so: ucumvert 0.3.2"
else
  echo "changed" >&2
  exit 1
fi
