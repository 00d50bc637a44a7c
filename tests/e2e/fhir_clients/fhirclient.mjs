import FHIR from 'fhirclient';
import { given, refusal, report } from './facts.mjs';

const request = { headers: { host: 'localhost' }, url: '/' };
const client = FHIR(request, {}).client({
  serverUrl: given.base,
  tokenResponse: { access_token: given.token, token_type: 'bearer' },
});
const facts = {};

// Both ask for the statement without the token.
const [version, release] = [await client.getFhirVersion(), await client.getFhirRelease()];
if (version !== '4.0.1' || release !== 4) throw new Error(`FHIR version ${version}, release ${release}`);
facts.created = await client.create(given.patient);
const { id } = facts.created;
facts.read = await client.request(`Patient/${id}`);
const found = await client.request(`Patient?identifier=${given.system}|created`);
facts.found = found.entry.map((e) => e.resource.id);
const all = await client.request(`Observation?_count=${given.page}`, { pageLimit: 0, flat: true });
facts.paged = all.map((r) => r.id);
facts.updated = await client.update({ ...facts.read, active: true });
facts.conditional = [];
for (let i = 0; i < 2; i++) {
  const made = await client.create(given.conditional, {
    headers: { 'If-None-Exist': `identifier=${given.system}|conditional` },
  });
  facts.conditional.push(made.id);
}
facts.patched = await client.patch(`Patient/${id}`, [{ op: 'replace', path: '/birthDate', value: '1980-03-01' }]);
const history = await client.request(`Patient/${id}/_history`);
facts.history = history.entry.map((e) => e.resource.meta.versionId);
const outcome = await client.request({
  url: '/',
  method: 'POST',
  headers: { 'content-type': 'application/fhir+json' },
  body: JSON.stringify(given.transaction),
});
facts.transaction = outcome.entry.map((e) => e.response.location);
const observation = await client.request(`Observation/${facts.transaction[1].split('/').at(-3)}`, {
  resolveReferences: ['subject'],
});
if (observation.subject.name[0].family !== 'Transacted') throw new Error('the reference leads elsewhere');
await client.delete(`Patient/${id}`);
facts.deleted = id;
facts.refused = await refusal(
  () => client.request('Patient?favourite-colour=red'),
  (error) => error.message,
);
report(facts);
