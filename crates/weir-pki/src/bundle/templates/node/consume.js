// Reads topics as {{ principal }} with kafkajs, and prints a line for each record: topic, partition, offset, value.
//
//     npm ci
//     node consume.js
//
// Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
// KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none), and all that env.sh and env-inline.sh have.

import { readFileSync } from "node:fs";
import { Kafka, logLevel } from "kafkajs";

const env = process.env;
const bundle = new URL("../", import.meta.url);
// All that you may read by name; keep what you need.
const topics = env.KAFKA_TOPICS?.split(",") ?? [
{% for topic in topics %}
  "{{ topic }}",
{% endfor %}
];
const groupId = env.KAFKA_GROUP_ID ?? "{{ group_id }}-node";
const offsetReset = env.KAFKA_AUTO_OFFSET_RESET ?? "{{ offset_reset }}";

/** Your work. When it is done, the record counts as read; a crash before that brings the record again. */
async function handle(topic, partition, message) {
  process.stdout.write(`${topic} ${partition} ${message.offset} ${message.value ?? "null"}\n`);
}

/** Test events, which show every hour that a stream is alive, are no data. */
function isCanary(value) {
  try {
    return JSON.parse(value)?.meta?.domain === "canary";
  } catch {
    return false;
  }
}

/** The text in VARIABLE_PEM, or the file that VARIABLE_LOCATION names, or this bundle's. */
function pem(variable, file) {
  try {
    return env[`${variable}_PEM`] ?? readFileSync(env[`${variable}_LOCATION`] ?? new URL(file, bundle));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

/** A sentence for an error that no retry mends; nothing for others. */
function explain(error) {
  const chain = [];
  for (let e = error; e; e = e.cause ?? e.originalError) chain.push(e);
  const has = (code, name) => chain.some((e) => e.code === code || e.name === name);
  const text = chain.map((e) => e.message).join(": ");
  if (has(29)) {
    return `A topic is refused: it is not among those of README.md, or the operator has suspended it. (${text})`;
  }
  // kafkajs keeps the reason to itself when the coordinator is refused.
  if (has(30, "KafkaJSGroupCoordinatorNotFound")) {
    const rule = "README.md says how its name must begin, if at all, and how many groups you may have.";
    return `Group ${groupId} is refused: ${rule} (${text})`;
  }
  if (/alert|certificate/.test(text)) {
    const why = "your certificate has expired, is revoked or suspended, or {{ ca }} is not the server's CA.";
    return `TLS is refused: ${why} (${text})`;
  }
}

const kafka = new Kafka({
  clientId: "consume.js",
  brokers: (env.KAFKA_BOOTSTRAP_SERVERS ?? "{{ bootstrap }}").split(","),
  ssl: {
    ca: pem("KAFKA_SSL_CA", "{{ ca }}"),
    cert: pem("KAFKA_SSL_CERTIFICATE", "{{ certificate }}"),
    key: pem("KAFKA_SSL_KEY", "{{ key }}"),
  },
  logLevel: logLevel.WARN,
  logCreator: () => ({ log }) => console.error(`goes on after: ${log.message} ${log.error ?? ""}`),
  // TCP keep-alive, for NATs that forget quiet connections and tell nobody, is on in kafkajs.
});
const consumer = kafka.consumer({
  groupId,
  // kafkajs commits after each answer that it has processed, and commits are limited: an answer is a second's records.
  minBytes: 65536,
  maxWaitTimeInMs: 1000,
  // Records of aborted transactions are no events.
  readUncommitted: false,
  allowAutoTopicCreation: false,
  // rackId stays unset: it is for readers inside the data centre.
});

/** kafkajs knows a beginning and an end, and nothing that would stop it where a group has no offset. */
async function demandOffsets() {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const found = (await admin.fetchOffsets({ groupId, topics })).flatMap(({ partitions }) => partitions);
    if (found.length === 0 || found.some(({ offset }) => offset === "-1")) {
      throw new Error(`Group ${groupId} has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once.`);
    }
  } finally {
    await admin.disconnect();
  }
}

let stopping;
function stop(status, sentence) {
  if (sentence) console.error(sentence);
  stopping ??= consumer.disconnect().finally(() => process.exit(status)); // commits, and leaves the group
}
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => stop(0));
process.stdout.on("error", () => stop(0)); // whoever read the output has seen enough
consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
  const sentence = explain(error);
  if (sentence || !restart) stop(1, sentence ?? error.message);
});

try {
  await consumer.connect();
  if (offsetReset === "none") await demandOffsets();
  // Where a group without offsets begins. The library's own choice is the end: what is there is never read.
  await consumer.subscribe({ topics, fromBeginning: offsetReset !== "latest" });
  console.error(`reading ${topics.length} topics as group ${groupId}`);
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      if (!isCanary(message.value)) await handle(topic, partition, message);
    },
  });
} catch (error) {
  stop(1, explain(error) ?? error.message);
}
