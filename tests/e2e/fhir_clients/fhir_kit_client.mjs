import { Client } from 'fhir-kit-client';
import { given, refusal, report } from './facts.mjs';

const client = new Client({ baseUrl: given.base, bearerToken: given.token });
const facts = {};

const statement = await client.capabilityStatement();
if (statement.fhirVersion !== '4.0.1') throw new Error(`FHIR version ${statement.fhirVersion}`);

facts.created = await client.create({ resourceType: 'Patient', body: given.patient });
const { id } = facts.created;
facts.read = await client.read({ resourceType: 'Patient', id });
const identifier = `${given.system}|created`;
const byGet = await client.search({ resourceType: 'Patient', searchParams: { identifier } });
const byPost = await client.search({ resourceType: 'Patient', searchParams: { identifier }, options: { postSearch: true } });
facts.found = [...new Set([...byGet.entry, ...byPost.entry].map((e) => e.resource.id))];

facts.paged = [];
let page = await client.search({ resourceType: 'Observation', searchParams: { _count: given.page } });
const first = page;
while (page) {
  facts.paged.push(...page.entry.map((e) => e.resource.id));
  const next = await client.nextPage({ bundle: page });
  if (!next) {
    const back = await client.prevPage({ bundle: page });
    if (!back.entry.length) throw new Error('no previous page');
  }
  page = next;
}
if (first.link.find((l) => l.relation === 'self') === undefined) throw new Error('no self link');

facts.updated = await client.update({ resourceType: 'Patient', id, body: { ...facts.read, active: true } });
facts.conditional = [];
for (let i = 0; i < 2; i++) {
  const made = await client.create({
    resourceType: 'Patient',
    body: given.conditional,
    options: { headers: { 'If-None-Exist': `identifier=${given.system}|conditional` } },
  });
  facts.conditional.push(made.id);
}
facts.patched = await client.patch({
  resourceType: 'Patient',
  id,
  jsonPatch: [{ op: 'replace', path: '/birthDate', value: '1980-03-01' }],
});
const history = await client.history({ resourceType: 'Patient', id });
facts.history = history.entry.map((e) => e.resource.meta.versionId);
const second = await client.vread({ resourceType: 'Patient', id, version: '2' });
if (!second.active) throw new Error('vread gives another version');
const outcome = await client.transaction({ body: given.transaction });
facts.transaction = outcome.entry.map((e) => e.response.location);
const observation = await client.read({ resourceType: 'Observation', id: facts.transaction[1].split('/').at(-3) });
const subject = await client.resolve({ reference: observation.subject.reference, context: observation });
if (subject.name[0].family !== 'Transacted') throw new Error('the reference leads elsewhere');
const everything = await client.operation({ name: 'everything', resourceType: 'Patient', id: subject.id, method: 'GET' });
if (everything.entry.length < 2) throw new Error('$everything leaves the observation out');
await client.delete({ resourceType: 'Patient', id });
facts.deleted = id;
facts.refused = await refusal(
  () => client.search({ resourceType: 'Patient', searchParams: { 'favourite-colour': 'red' } }),
  (error) => error.response.data.issue[0].diagnostics,
);
report(facts);
