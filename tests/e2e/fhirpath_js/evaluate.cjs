// Evaluates expressions on a resource of FHIR R4: {resource, expressions} in, a list of results or "error …" out.
const fs = require("fs");
const fhirpath = require("fhirpath");
const model = require("fhirpath/fhir-context/r4");

const { resource, expressions } = JSON.parse(fs.readFileSync(0, "utf8"));
const plain = (value) =>
  value && typeof value === "object" && value.toString !== Object.prototype.toString ? value.toString() : value;
const results = expressions.map((expression) => {
  try {
    return fhirpath.evaluate(resource, expression, {}, model, { traceFn() {} }).map(plain);
  } catch (error) {
    return `error ${error.message || error}`;
  }
});
console.log(JSON.stringify(results));
