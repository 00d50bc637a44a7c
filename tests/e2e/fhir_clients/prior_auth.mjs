// Two clients log in at the payer with its own client and ask for prior authorization, as their users would.
import { MedplumClient } from '@medplum/core';
import { Client } from 'fhir-kit-client';
import { given, must, report } from './facts.mjs';

const { fhir, token: tokenUrl, id, secret, request, inquiry, coverage, order } = given.payer;
const at = fhir.lastIndexOf('/');
const medplum = new MedplumClient({ baseUrl: fhir.slice(0, at + 1), fhirUrlPath: fhir.slice(at + 1), tokenUrl });
await medplum.startClientLogin(id, secret);

const packaged = await medplum.post(medplum.fhirUrl('Questionnaire', '$questionnaire-package'), {
  resourceType: 'Parameters',
  parameter: [{ name: 'coverage', resource: coverage }, { name: 'order', resource: order }],
});
const questionnaire = packaged.parameter.find((row) => row.name === 'PackageBundle').resource.entry[0].resource;
const answer = await medplum.post(medplum.fhirUrl('Claim', '$submit'), request);
const response = answer.entry[0].resource;
const read = await medplum.readResource('ClaimResponse', response.id);
must(read.outcome === response.outcome, 'the answer can be read');
const [found] = await medplum.searchResources('ClaimResponse', { identifier: 'TRACE-1' });
must(found.id === response.id, 'and found');

const kit = new Client({ baseUrl: fhir });
const { tokenUrl: discovered } = await kit.smartAuthMetadata();
must(discovered.href === tokenUrl, 'discovery leads to the token URL of the credentials');
kit.bearerToken = medplum.getAccessToken();
const again = await kit.operation({ name: 'inquire', resourceType: 'Claim', input: inquiry });
const statement = await kit.capabilityStatement();

report({
  questions: questionnaire.item.map((item) => item.linkId),
  outcome: response.outcome,
  number: response.preAuthRef,
  inquired: again.entry[0].resource.preAuthRef,
  types: statement.rest[0].resource.map((row) => row.type),
});
