// The official TypeScript client: a whole task by tools, over streamable HTTP or over standard input and output.
import { readFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const given = JSON.parse(readFileSync('given.json', 'utf8'));
const transport = given.command
  ? new StdioClientTransport({ command: given.command[0], args: given.command.slice(1), env: given.env })
  : new StreamableHTTPClientTransport(new URL(given.url), { requestInit: { headers: given.headers } });
const client = new Client({ name: 'suite', version: '1' });
await client.connect(transport);

async function call(name, args = {}) {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError) throw new Error(result.content[0].text);
  return result.structuredContent;
}

const { tools } = await client.listTools(); // from here on the client holds answers against their schemas
const { task } = await call('task_instructions');
const today = task.instruction.match(/\d{4}-\d\d-\d\d/)[0];
const people = await call('fhir_search', { type: 'Patient', params: { family: 'Okafor', given: 'Robert' } });
const patient = people.matches.find((person) => person.active !== false);
const appointments = await call('fhir_search', {
  type: 'Appointment',
  params: { patient: `Patient/${patient.id}`, status: 'booked', date: `ge${today}`, _sort: 'date' },
  elements: ['start', 'participant'],
  count: 1,
});
const [appointment] = appointments.matches;
const actors = appointment.participant.map((participant) => participant.actor.reference);
const { resource } = await call('fhir_read', { reference: actors.find((actor) => actor.startsWith('Practitioner/')) });
const refused = await client.callTool({ name: 'fhir_search', arguments: { type: 'Patient', params: { nme: 'x' } } });
const uri = `fhir:///Patient/${patient.id}`;
const read = await client.readResource({ uri });
const { resourceTemplates } = await client.listResourceTemplates();
const prompt = await client.getPrompt({ name: 'task' });
const output = { date: appointment.start.slice(0, 10), clinician: resource.name[0].family };
const done = await call('task_complete', { output });
await client.close();
console.log(JSON.stringify({
  server: client.getServerVersion().name,
  instructions: client.getInstructions(),
  tools: tools.map((tool) => tool.name),
  refused: [refused.isError, refused.content[0].text],
  read: JSON.parse(read.contents[0].text).id === patient.id,
  templates: resourceTemplates.map((template) => template.uriTemplate),
  prompt: prompt.messages[0].content.text,
  done: [done.verdict, done.score],
}));
