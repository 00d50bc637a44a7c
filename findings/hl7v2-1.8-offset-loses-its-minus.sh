#!/usr/bin/env bash
# The npm package hl7v2 1.8.0 writes a time west of Greenwich without the minus of its offset.
#
# To write a time it takes out every hyphen, as if the text were an ISO date, and the hyphen before the offset goes
# with them. Reading is right, so a program sees 09:15 at -0500, and whoever gets its message sees eighteen digits that
# are no time, or a fraction of a second with eight digits. An offset with a plus is kept. A year or a month is given
# its first day, in reading too, so that how exactly a birth is known is lost.
#
# HL7 2.5.1, 2.A.22 (DTM): YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]; the number of digits is the precision.
#
# Seen (Node 20): the lines below after SEEN, read and written. Due: every one as it was given, but for seconds that
# are zero.
#
# Exit status: 0 while it is so, 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts hl7v2@1.8.0 hl7v2-dictionary@1.8.0 >/dev/null
cat >look.mjs <<'JS'
import { HL7Message } from "hl7v2";
for (const time of [
  "202604230915-0500",
  "20260423091530-0500",
  "20260423091530.1234-0500",
  "202604230915+0100",
  "202604230915",
  "202604",
  "1980",
]) {
  const header = "MSH|^~\\&|EHR|MERCY|LAB|MERCY|20260423||ADT^A01^ADT_A01|M1|P|2.5.1";
  const message = HL7Message.parse(`${header}\rEVN||${time}\r`);
  const read = message.getSegment("EVN").field(2).getValue();
  const [, written] = message.toHL7String().split("\r");
  console.log(`${time} read ${read} written ${written.split("|")[2]}`);
}
JS
node look.mjs | tee seen
if diff seen - <<'SEEN'; then
202604230915-0500 read 202604230915-0500 written 202604230915000500
20260423091530-0500 read 20260423091530-0500 written 202604230915300500
20260423091530.1234-0500 read 20260423091530.1234-0500 written 20260423091530.12340500
202604230915+0100 read 20260423091500+0100 written 20260423091500+0100
202604230915 read 202604230915 written 202604230915
202604 read 20260401 written 20260401
1980 read 19800101 written 19800101
SEEN
  echo "still so: hl7v2 1.8.0"
else
  echo "changed" >&2
  exit 1
fi
