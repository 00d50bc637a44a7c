#!/usr/bin/env bash
# The npm package fhirpath 5.2.2 divides decimals in binary floating point, so `div` and `mod` miss by a whole step.
#
# 0.3 div 0.1 is 2 instead of 3, and what remains of 1.2 by 0.4 is nearly 0.4 instead of 0. `=` rounds to eight
# digits and so forgives the sum 0.1 + 0.2, but not these: the error is as large as the divisor. The digits show in
# toString(), too. A criterion such as "the dose is a multiple of 0.4" is answered wrongly without an error.
#
# FHIRPath 2.0: Decimal counts in decimal digits, at least eight of them after the point; div; mod.
#
# Seen (Node 20): the lines below after SEEN. Due: 3, 3, 0, true, '435.00'.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts fhirpath@5.2.2 >/dev/null
cat >ask.cjs <<'JS'
const fhirpath = require("fhirpath");
const model = require("fhirpath/fhir-context/r4");
for (const expression of [
  "0.3 div 0.1",
  "4.8 div 1.6",
  "1.2 mod 0.4",
  "(1.2 mod 0.4) = 0",
  "(4.35 * 100).toString()",
]) {
  console.log(expression, "->", JSON.stringify(fhirpath.evaluate({}, expression, {}, model)));
}
JS
node ask.cjs | tee seen
if diff seen - <<'SEEN'; then
0.3 div 0.1 -> [2]
4.8 div 1.6 -> [2]
1.2 mod 0.4 -> [0.3999999999999999]
(1.2 mod 0.4) = 0 -> [false]
(4.35 * 100).toString() -> ["434.99999999999994"]
SEEN
  echo "still so: fhirpath 5.2.2"
else
  echo "changed" >&2
  exit 1
fi
