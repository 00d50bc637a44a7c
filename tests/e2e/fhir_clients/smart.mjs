// SMART backend services on the direct surface: discover, log in as a client, work within the scope.
import { Client } from 'fhir-kit-client';
import { given, must, report } from './facts.mjs';

const { base, id, secret } = given.smart;
const client = new Client({ baseUrl: base });
const { tokenUrl } = await client.smartAuthMetadata();
must(tokenUrl.href === `${base}/token`, 'the token endpoint is below the base');

const answer = await fetch(tokenUrl, {
  method: 'POST',
  headers: { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/Patient.read' }),
});
const token = await answer.json();
must(answer.status === 200 && token.token_type === 'bearer', 'a token');

const unknown = await client.search({ resourceType: 'Patient' }).catch((error) => error.response);
client.bearerToken = token.access_token;
const page = await client.search({ resourceType: 'Patient', searchParams: { _count: 5 } });
const statusOf = (call) => call.then(() => 200, (error) => error.response.status);
report({
  found: page.entry.length,
  next: (await client.nextPage({ bundle: page })).entry.length,
  unknown: [unknown.status, unknown.data.resourceType],
  write: await statusOf(client.create({ resourceType: 'Patient', body: given.patient })),
  other: await statusOf(client.search({ resourceType: 'Observation' })),
  included: await statusOf(client.search({ resourceType: 'Patient', searchParams: { _revinclude: 'Observation:subject' } })),
});
