// The rest of what the SMART client for JavaScript offers: pages, graphs of references, generators, codes.
import FHIR from 'fhirclient';
import { given, must, report, same } from './facts.mjs';

const client = FHIR({ headers: { host: 'localhost' }, url: '/' }, {}).client({
  serverUrl: given.base,
  tokenResponse: { access_token: given.token, token_type: 'bearer' },
});
const checked = [];
const check = (name, isRight) => {
  must(isRight, name);
  checked.push(name);
};

const patient = await client.create(given.patient);
const doctor = await client.create({ resourceType: 'Practitioner', name: [{ family: 'Ng' }] });
const made = [];
for (const [code, value] of [['8302-2', 170], ['8302-2', 171], ['29463-7', 70]]) {
  made.push(
    await client.create({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code }] },
      subject: { reference: `Patient/${patient.id}` },
      performer: [{ reference: `Practitioner/${doctor.id}` }],
      valueQuantity: { value, code: code === '8302-2' ? 'cm' : 'kg', system: 'http://unitsofmeasure.org' },
    }),
  );
}
const url = `Observation?patient=${patient.id}&_count=2`;

const one = await client.request(url, { pageLimit: 1 });
check('one page', one.entry.length === 2 && one.total === 3);
const all = await client.request(url, { pageLimit: 0, flat: true });
check('all pages', same(new Set(all.map((r) => r.id)).size, 3));
const counts = [];
await client.request(url, { pageLimit: 0, onPage: (page) => counts.push(page.entry.length) });
check('onPage', same(counts, [2, 1]));
const graph = await client.request(url, { pageLimit: 0, flat: true, resolveReferences: ['subject', 'performer.0'] });
check('references of every row', graph.every((r) => r.subject.birthDate && r.performer[0].name[0].family === 'Ng'));
const apart = await client.request(url, { resolveReferences: 'subject', graph: false });
check('references apart', apart.references[`Patient/${patient.id}`].id === patient.id);
const rows = [];
for await (const row of client.resources(url)) rows.push(row.id);
check('the generator of resources', same([...rows].sort(), made.map((r) => r.id).sort()));
const sizes = [];
for await (const page of client.pages(url)) sizes.push(page.entry.length);
check('the generator of pages', same(sizes, [2, 1]));
const found = await client.getReferences(made[0], ['subject', 'performer']);
check('getReferences', same(Object.keys(found).sort(), [`Patient/${patient.id}`, `Practitioner/${doctor.id}`]));

const heights = client.byCodes(all, 'code')('8302-2');
check('byCodes', same(heights.map((r) => client.units.cm(r.valueQuantity)).sort(), [170, 171]));
check('byCode', client.byCode(all, 'code')['29463-7'].length === 1);
const full = await client.request({ url: `Patient/${patient.id}`, includeResponse: true });
check('the response', full.response.headers.get('etag') === 'W/"1"' && full.body.id === patient.id);
const version = await client.request(`Patient/${patient.id}/_history/1`);
check('a version', version.id === patient.id);
const posted = await client.request({
  url: 'Patient/_search',
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({ identifier: `${given.system}|created`, _summary: 'true' }).toString(),
});
check('search by POST', posted.entry[0].resource.meta.tag[0].code === 'SUBSETTED');
const stopping = new AbortController();
stopping.abort();
const aborted = await client.request({ url, signal: stopping.signal }).catch((error) => error.name);
check('a request that is given up', aborted === 'AbortError');
const everything = await client.request(`Patient/${patient.id}/$everything`, { pageLimit: 0, flat: true });
check('$everything', same([...new Set(everything.map((r) => r.resourceType))].sort(), ['Observation', 'Patient', 'Practitioner']));
const missing = await client.request('Patient/nobody').catch((error) => error.status);
check('404', missing === 404);
report({ checked });
