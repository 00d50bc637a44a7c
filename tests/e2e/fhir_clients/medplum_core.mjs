import { MedplumClient } from '@medplum/core';
import { given, refusal, report } from './facts.mjs';

const at = given.base.lastIndexOf('/');
const client = new MedplumClient({
  baseUrl: given.base.slice(0, at + 1),
  fhirUrlPath: given.base.slice(at + 1),
  accessToken: given.token,
});
const facts = {};

facts.created = await client.createResource(given.patient);
const { id } = facts.created;
facts.read = await client.readResource('Patient', id);
const identifier = `${given.system}|created`;
facts.found = (await client.searchResources('Patient', { identifier })).map((r) => r.id);
if ((await client.searchOne('Patient', { identifier })).id !== id) throw new Error('searchOne finds another');
facts.paged = [];
for await (const page of client.searchResourcePages('Observation', { _count: given.page })) {
  facts.paged.push(...page.map((r) => r.id));
}
facts.updated = await client.updateResource({ ...facts.read, active: true });
facts.conditional = [];
for (let i = 0; i < 2; i++) {
  const made = await client.createResourceIfNoneExist(given.conditional, `identifier=${given.system}|conditional`);
  facts.conditional.push(made.id);
}
const upserted = await client.upsertResource(given.conditional, `identifier=${given.system}|conditional`);
if (upserted.id !== facts.conditional[0]) throw new Error('upsert made another one');
facts.patched = await client.patchResource('Patient', id, [{ op: 'replace', path: '/birthDate', value: '1980-03-01' }]);
const history = await client.readHistory('Patient', id);
facts.history = history.entry.map((e) => e.resource.meta.versionId);
if (!(await client.readVersion('Patient', id, '2')).active) throw new Error('readVersion gives another version');
const outcome = await client.executeBatch(given.transaction);
facts.transaction = outcome.entry.map((e) => e.response.location);
await client.deleteResource('Patient', id);
facts.deleted = id;
facts.refused = await refusal(
  () => client.search('Patient', { 'favourite-colour': 'red' }),
  (error) => error.outcome.issue[0].diagnostics,
);
report(facts);
