// What a script is given, and how it reports what it achieved.
import { readFileSync } from 'node:fs';

export const given = JSON.parse(readFileSync(new URL('./given.json', import.meta.url)));

export function report(facts) {
  process.stdout.write(JSON.stringify(facts) + '\n');
}

export async function refusal(call, diagnosticsOf) {
  try {
    await call();
  } catch (error) {
    return diagnosticsOf(error);
  }
  throw new Error('the search was not refused');
}

export function must(isRight, text) {
  if (!isRight) throw new Error(text);
}

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
