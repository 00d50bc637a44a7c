#!/usr/bin/env bash
# The npm package @atomic-ehr/ucum 0.2.5 throws at the unit of a filtration rate, and converts what cannot be converted.
#
# An annotation may hold any printable character but braces. The package reads it token by token, so a # or an
# underscore behind a digit in it is an error, and validate(), which otherwise answers, throws: mL/min/{1.73_m2} is what
# LOINC gives as the unit of an estimated glomerular filtration rate. International units are converted one to one into
# any other arbitrary unit, and into plain numbers, without a warning. A sound pressure level of 50 dB becomes ten
# quintillion pascals. The npm package @lhncbc/ucum-lhc 7.1.10 reads the first and refuses the second.
#
# UCUM 2.1.4 (curly braces: characters 33 to 126), 3.2.1 (arbitrary units are commensurable with no other), 3.1.2
# (a prefix scales the level); table of levels: B[SPL] is 2 lg(p / 2·10^-5 Pa).
#
# Seen (Node 20): the lines below after SEEN. Due: true; true; no conversion three times; 0.0063 Pa.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @atomic-ehr/ucum@0.2.5 >/dev/null
cat >ask.mjs <<'JS'
import { ucum } from "@atomic-ehr/ucum";
const ask = (question, answer) => {
  try {
    console.log(question, "->", answer());
  } catch (error) {
    console.log(question, "-> throws", error.message);
  }
};
for (const unit of ["mL/min/{1.73_m2}", "{#}/mL"]) ask(`valid ${unit}`, () => ucum.validate(unit).valid);
for (const [from, to] of [
  ["[IU]", "[USP'U]"],
  ["[IU]/L", "[arb'U]/L"],
  ["[IU]/L", "/L"],
])
  ask(`5 ${from} in ${to}`, () => ucum.convert(5, from, to));
ask("50 dB[SPL] in Pa", () => ucum.convert(50, "dB[SPL]", "Pa").toPrecision(3));
JS
node ask.mjs | tee seen
if diff seen - <<'SEEN'; then
valid mL/min/{1.73_m2} -> throws Unexpected character '_' at position 12
valid {#}/mL -> throws Unexpected character '#' at position 1
5 [IU] in [USP'U] -> 5
5 [IU]/L in [arb'U]/L -> 5
5 [IU]/L in /L -> 5
50 dB[SPL] in Pa -> 1.00e+19
SEEN
  echo "still so: @atomic-ehr/ucum 0.2.5"
else
  echo "changed" >&2
  exit 1
fi
