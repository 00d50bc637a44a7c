// The rest of what fhir-kit-client offers: batch, compartments, search at every level, histories, SMART, conditions.
import { Client } from 'fhir-kit-client';
import { given, must, report, same } from './facts.mjs';

const client = new Client({ baseUrl: given.base, bearerToken: given.token });
const checked = [];
const check = (name, isRight) => {
  must(isRight, name);
  checked.push(name);
};

const patient = await client.create({ resourceType: 'Patient', body: given.patient });
const reference = `Patient/${patient.id}`;
const weight = (value) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'weight' },
  subject: { reference },
  valueQuantity: { value, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
});

const batch = await client.batch({
  body: {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [
      { resource: weight(70), request: { method: 'POST', url: 'Observation' } },
      { resource: { ...weight(71), status: 'unknown-status' }, request: { method: 'POST', url: 'Observation' } },
      { request: { method: 'GET', url: reference } },
    ],
  },
});
check('batch', same(batch.entry.map((e) => e.response.status.slice(0, 3)), ['201', '400', '200']));
check('an entry of a batch fails alone', batch.entry[1].response.outcome.issue[0].code === 'code-invalid');

const compartment = { resourceType: 'Patient', id: patient.id };
const within = await client.compartmentSearch({ resourceType: 'Observation', compartment });
check('compartment search', within.total === 1 && within.entry[0].resource.valueQuantity.value === 70);
const narrowed = { resourceType: 'Observation', compartment, searchParams: { code: 'none' } };
check('compartment search, narrowed', (await client.search(narrowed)).total === 0);

const system = await client.systemSearch({ searchParams: { _type: 'Patient,Observation', _id: patient.id } });
check('system search', same(system.entry.map((e) => e.resource.id), [patient.id]));
const several = await client.resourceSearch({
  resourceType: 'Observation',
  searchParams: { patient: patient.id, _include: 'Observation:subject', 'value-quantity': ['gt69', 'lt71'] },
});
check('repeated parameters, _include', same(several.entry.map((e) => e.search.mode), ['match', 'include']));
const posted = await client.resourceSearch({
  resourceType: 'Patient',
  searchParams: { name: 'Ångström', birthdate: '1980-02-29' },
  options: { postSearch: true },
});
check('search by POST, not ASCII', same(posted.entry.map((e) => e.resource.id), [patient.id]));

check('history of a resource', (await client.resourceHistory(compartment)).entry.length === 1);
const ofType = await client.typeHistory({ resourceType: 'Patient' });
check('history of a type', ofType.entry[0].resource.id === patient.id);
const ofSystem = await client.systemHistory();
check('history of the system', ofSystem.entry[0].resource.resourceType === 'Observation');
const second = await client.nextPage({ bundle: ofSystem });
check('history, the next page', second === undefined || second.entry.length > 0);

const metadata = await client.smartAuthMetadata();
check('SMART metadata', metadata.tokenUrl.href.endsWith('/fhir/token'));

const matching = await client.update({
  resourceType: 'Patient',
  searchParams: { identifier: `${given.system}|created` },
  body: { ...given.patient, active: true },
});
check('conditional update', matching.id === patient.id && matching.active);
const stale = { resourceType: 'Patient', id: patient.id, body: matching, options: { headers: { 'If-Match': 'W/"1"' } } };
const status = await client.update(stale).catch((error) => error.response.status);
check('If-Match', status === 412);
const { response } = Client.httpFor(matching);
check('the response behind a resource', response.headers.get('etag') === 'W/"2"');

const valid = await client.operation({ name: 'validate', resourceType: 'Patient', input: given.patient });
check('$validate', valid.issue.every((i) => i.severity === 'information'));
const absolute = await client.resolve({ reference: `${given.base}/${reference}` });
check('an absolute reference', absolute.id === patient.id);
const missing = await client.read({ resourceType: 'Patient', id: 'nobody' }).catch((error) => error.response);
check('404 with its outcome', missing.status === 404 && missing.data.resourceType === 'OperationOutcome');
report({ checked });
