// Medplum's client asks to be told of new patients, with the status that its documentation has clients write.
import { MedplumClient } from '@medplum/core';
import { given, report } from './facts.mjs';

const at = given.base.lastIndexOf('/');
const client = new MedplumClient({
  baseUrl: given.base.slice(0, at + 1),
  fhirUrlPath: given.base.slice(at + 1),
  accessToken: given.token,
  cacheTime: 0,
});
const asked = await client.createResource({
  resourceType: 'Subscription',
  status: 'active',
  reason: 'to know',
  criteria: 'Patient',
  channel: { type: 'rest-hook', endpoint: given.hook, payload: 'application/fhir+json' },
});
const read = await client.readResource('Subscription', asked.id);
const [found] = await client.searchResources('Subscription', { status: 'active' });
const made = await client.createResource(given.patient);
report({ status: [asked.status, read.status, found.status], id: made.id });
