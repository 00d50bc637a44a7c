// Parse each text in strict mode; say which transaction sets are in it, or what is wrong.
const { X12Parser } = require("node-x12");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const seen = {};
for (const [name, text] of Object.entries(texts)) {
  try {
    const interchange = new X12Parser(true).parse(text);
    const kinds = interchange.functionalGroups.flatMap((g) => g.transactions.map((t) => t.header.valueOf(1)));
    seen[name] = { kinds, error: null };
  } catch (error) {
    seen[name] = { kinds: [], error: String(error) };
  }
}
process.stdout.write(JSON.stringify(seen));
