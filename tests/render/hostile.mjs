// Writes an event for each text of tests/fixtures/hostile.json: a captured update whose title, text, list and document hold it.
//
//   node hostile.mjs CAPTURE.jsonl HOSTILE.json > EVENTS.jsonl

import { readFileSync } from "node:fs";

const [capture, corpus] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));
const model = capture.split("\n").filter(Boolean).map((line) => JSON.parse(line))
  .find(({ topic, value }) => topic.endsWith(".listings") && value?.includes('"op":"u"'));
JSON.parse(corpus).forEach(({ text }, index) => {
  const event = JSON.parse(model.value);
  const id = index + 1;
  const [old, now] = [event.before, event.after];
  Object.assign(old, { id, title: text, description: "plain", tags: ["plain"], attributes: '{"plain":1}', status: "active" });
  Object.assign(now, { id, title: text, description: text, tags: [text], attributes: JSON.stringify({ [text]: text }), status: text, price: old.price });
  event.source.lsn += index;
  console.log(JSON.stringify({ ...model, partition: 0, offset: index, key: JSON.stringify({ id }), value: JSON.stringify(event) }));
});
