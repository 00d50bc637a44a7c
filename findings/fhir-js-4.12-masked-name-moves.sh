#!/usr/bin/env bash
# The npm package fhir 4.12.0 gives the extension of a name that is withheld to the name after it.
#
# In XML a first given name without a value, but with an extension that says why, stands before one with a value. As
# JSON the values must be null-padded to the length of the extensions. The package writes a value only where there is
# one, so "Ida" moves to the first place and is now the name that is marked as masked; validate() finds nothing, and
# turned back into XML it stays so. Where the nulls would be among the extensions, as for an id on the second name,
# xmlToObj() is right, but xmlToJson() raises a TypeError. JSON turned into XML is right.
#
# FHIR R4, JSON representation, "Primitive elements" (json.html#primitive): arrays of a repeating primitive and of its
# extensions are aligned with null.
#
# Seen (Node 20): the lines below after SEEN. Due: given [null,"Ida"], _given [{…},null]; the XML as it was.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts fhir@4.12.0 >/dev/null
cat >look.cjs <<'JS'
const { Fhir } = require("fhir");
const fhir = new Fhir();
const patient = (given) => `<Patient xmlns="http://hl7.org/fhir"><name>${given}</name></Patient>`;
const reason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const withheld = patient(
  `<given><extension url="${reason}"><valueCode value="masked"/></extension></given><given value="Ida"/>`,
);
const named = patient('<given value="Ida"/><given id="second" value="May"/>');

const [name] = fhir.xmlToObj(withheld).name;
console.log("withheld: given", JSON.stringify(name.given));
console.log("withheld: marked", JSON.stringify(name._given.map((given) => given && given.extension[0].valueCode)));
console.log("withheld: valid", fhir.validate(fhir.xmlToObj(withheld)).valid);
const back = fhir.objToXml(fhir.xmlToObj(withheld));
console.log("withheld: back in XML", back.match(/<given value="Ida".*<\/given>/)[0].replace(reason, "…"));
console.log("an id: given", JSON.stringify(fhir.xmlToObj(named).name));
try {
  console.log("an id: JSON", JSON.stringify(JSON.parse(fhir.xmlToJson(named)).name));
} catch (error) {
  console.log(`an id: JSON ${error.name}: ${error.message}`);
}
JS
node look.cjs | tee seen
if diff seen - <<'SEEN'; then
withheld: given ["Ida"]
withheld: marked ["masked"]
withheld: valid true
withheld: back in XML <given value="Ida"><extension url="…"><valueCode value="masked"/></extension></given>
an id: given [{"given":["Ida","May"],"_given":[null,{"id":"second"}]}]
an id: JSON TypeError: Cannot convert undefined or null to object
SEEN
  echo "still so: fhir 4.12.0"
else
  echo "changed" >&2
  exit 1
fi
