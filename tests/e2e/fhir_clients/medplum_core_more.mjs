// The rest of what Medplum's client offers on any FHIR server: references, batches, conditions, `$everything`, Binary.
import { MedplumClient } from '@medplum/core';
import { given, must, report, same } from './facts.mjs';

const at = given.base.lastIndexOf('/');
const options = {
  baseUrl: given.base.slice(0, at + 1),
  fhirUrlPath: given.base.slice(at + 1),
  accessToken: given.token,
  cacheTime: 0,
};
const client = new MedplumClient(options);
const checked = [];
const check = (name, isRight) => {
  must(isRight, name);
  checked.push(name);
};

const patient = await client.createResource(given.patient);
const reference = { reference: `Patient/${patient.id}` };
const weights = [];
for (const value of [70, 71, 72]) {
  const weight = { resourceType: 'Observation', status: 'final', code: { text: 'weight' }, subject: reference };
  weights.push(await client.createResource({ ...weight, valueQuantity: { value, unit: 'kg' } }));
}
check('readReference', (await client.readReference(reference)).id === patient.id);
const all = await client.searchResources('Observation', `subject=Patient/${patient.id}&_sort=-value-quantity`);
check('search by text, sorted', same(all.map((r) => r.valueQuantity.value), [72, 71, 70]));
check('the Bundle behind an array', all.bundle.total === 3);
const sizes = [];
for await (const page of client.searchResourcePages('Observation', { subject: `Patient/${patient.id}`, _count: 2 })) {
  sizes.push(page.length);
}
check('pages', same(sizes, [2, 1]));
const counted = await client.search('Observation', { subject: `Patient/${patient.id}`, _count: 0, _total: 'accurate' });
check('a count', counted.total === 3 && !counted.entry?.length);
const none = await client.searchOne('Patient', { identifier: `${given.system}|nobody` });
check('searchOne without a match', none === undefined);
const joined = await client.search('Observation', {
  'subject:Patient.identifier': `${given.system}|created`,
  _include: 'Observation:subject',
  _fields: undefined,
});
check('a chain and _include', joined.entry.filter((e) => e.search.mode === 'include').length === 1);

const everything = await client.readPatientEverything(patient.id);
check('$everything', everything.entry.filter((e) => e.resource.resourceType === 'Observation').length === 3);
const outcome = await client.validateResource({ ...given.patient });
check('validateResource', outcome.issue.every((i) => i.severity === 'information'));

// A `GET` cannot be in one of Medplum's own batches without being asked for: `autoBatchTime` joins them.
const joining = new MedplumClient({ ...options, autoBatchTime: 20 });
const read = await Promise.all(weights.map((row) => joining.readResource('Observation', row.id)));
check('reads joined to a batch', same(read.map((r) => r.id), weights.map((r) => r.id)));
const batch = await client.executeBatch({
  resourceType: 'Bundle',
  type: 'batch',
  entry: [
    { request: { method: 'GET', url: `Patient/${patient.id}` } },
    { request: { method: 'GET', url: 'Patient/nobody' } },
    { request: { method: 'PATCH', url: `Patient/${patient.id}` }, resource: patch([{ op: 'add', path: '/active', value: true }]) },
  ],
});
check('a batch with a patch', same(batch.entry.map((e) => e.response.status.slice(0, 3)), ['200', '404', '200']));

const once = { resourceType: 'Organization', name: 'Once', identifier: [{ system: given.system, value: 'org' }] };
const query = `identifier=${given.system}|org`;
const first = await client.upsertResource(once, query);
const second = await client.upsertResource({ ...once, name: 'Twice' }, query);
check('upsert', first.id === second.id && second.meta.versionId === '2' && second.name === 'Twice');
check('createResourceIfNoneExist', (await client.createResourceIfNoneExist(once, query)).id === first.id);
const tested = [{ op: 'test', path: '/name', value: 'Other' }];
const refusal = await client.patchResource('Organization', first.id, tested).catch((error) => error.outcome);
check('a patch whose test fails', refusal.resourceType === 'OperationOutcome');
check('readHistory', (await client.readHistory('Organization', first.id)).entry.length === 2);

const binary = await client.createBinary({ data: 'Hello, clinic', contentType: 'text/plain' });
const content = await client.download(client.fhirUrl('Binary', binary.id).href);
check('Binary, written and read', (await content.text()) === 'Hello, clinic');
const missing = await client.readResource('Patient', 'nobody').catch((error) => error.outcome.issue[0].code);
check('404 with its outcome', missing === 'not-found');
report({ checked });

function patch(operations) {
  const data = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { resourceType: 'Binary', contentType: 'application/json-patch+json', data };
}
