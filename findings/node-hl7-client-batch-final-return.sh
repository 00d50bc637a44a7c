#!/usr/bin/env bash
# node-hl7-client cannot read a batch whose last segment ends, as HL7 says, with a carriage return.
#
# HL7 ends every segment with a carriage return, the last one too. `new Message({text})` reads such a text;
# `new Batch({text})` is made, and its first `get` throws. Without the last character it reads all of it.
#
# Seen with 3.2.0 and 4.0.0 (Node 20):
#   3.2.0 message: M-1
#   3.2.0 batch: HL7FatalError: Segment must have a name.
#   3.2.0 batch without the last return: 1 message, M-1
#   (the same for 4.0.0)
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > look.mjs <<'JS'
import { Batch, Message } from 'node-hl7-client';

const version = process.argv[2];
const message = 'MSH|^~\\&|EHR|MERCY|LAB|MERCY|20260423||ACK^R01^ACK|C1|P|2.5\rMSA|AA|M-1\r';
const batch = `BHS|^~\\&|EHR|MERCY|LAB|MERCY|20260423\r${message}BTS|1\r`;
const say = (label, read) => {
  try {
    console.log(`${version} ${label}: ${read()}`);
  } catch (error) {
    console.log(`${version} ${label}: ${error.name}: ${error.message}`);
  }
};
const inBatch = (text) => {
  const found = new Batch({ text });
  found.get('BTS.1').toString();
  const messages = found.messages();
  return `${messages.length} message, ${messages[0].get('MSA.2').toString()}`;
};
say('message', () => new Message({ text: message }).get('MSA.2').toString());
say('batch', () => inBatch(batch));
say('batch without the last return', () => inBatch(batch.slice(0, -1)));
JS
for version in 3.2.0 4.0.0; do
  mkdir "$version"
  cp look.mjs "$version"
  (cd "$version" && npm install --silent --no-fund --no-audit --prefix . "node-hl7-client@$version" > npm.log 2>&1 && node look.mjs "$version")
done | tee seen
if diff seen - <<'SEEN'; then
3.2.0 message: M-1
3.2.0 batch: HL7FatalError: Segment must have a name.
3.2.0 batch without the last return: 1 message, M-1
4.0.0 message: M-1
4.0.0 batch: HL7FatalError: Segment must have a name.
4.0.0 batch without the last return: 1 message, M-1
SEEN
  echo "still so: node-hl7-client 3.2.0, 4.0.0"
else
  echo "changed" >&2
  exit 1
fi
