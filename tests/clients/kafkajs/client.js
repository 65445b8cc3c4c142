// Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../README.md.

import { readFileSync } from "node:fs";
import { Kafka, logLevel } from "kafkajs";

const NOT_ALLOWED = 3;
const AUTHORIZATION = new Set([29, 30, 31]);

const env = process.env;
const commitMode = env.COMMIT ?? "each";
const topics = env.PROBE ? [env.PROBE] : env.TOPICS.split(",");

const kafka = new Kafka({
  clientId: "kafkajs",
  brokers: env.BOOTSTRAP.split(","),
  ssl: { ca: readFileSync(env.CA), cert: readFileSync(env.CERT), key: readFileSync(env.KEY) },
  retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 20 },
  logLevel: logLevel.WARN,
});
const consumer = kafka.consumer({
  groupId: env.GROUP,
  sessionTimeout: 10000,
  heartbeatInterval: 1000,
  maxWaitTimeInMs: 500,
  readUncommitted: env.ISOLATION === "read_uncommitted",
  allowAutoTopicCreation: false,
});

const uncommitted = new Map();
let assignment = [];
let records = 0;
let lastRecord = Date.now();

// `finish` may be called from several places; the first call decides the exit status. From then on nothing is printed.
let stopping = false;
let finish;
const finished = new Promise((resolve) => {
  finish = (status) => {
    stopping = true;
    resolve(status);
  };
});

consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  assignment = Object.entries(payload.memberAssignment).flatMap(([t, partitions]) => partitions.map((p) => [t, p]));
  emit({ event: "assigned", partitions: assignment });
});
consumer.on(consumer.events.REBALANCING, () => {
  uncommitted.clear(); // what was not committed is read again, by whoever gets the partition
  emit({ event: "revoked", partitions: assignment });
  assignment = [];
});
consumer.on(consumer.events.CRASH, ({ payload }) => failed(payload.error));

async function eachBatch({ batch, resolveOffset, heartbeat, isRunning, isStale }) {
  let last;
  for (const message of batch.messages) {
    if (stopping || !isRunning() || isStale() || records >= Number(env.MAX_RECORDS ?? Infinity)) break;
    printRecord(batch, message);
    resolveOffset(message.offset);
    last = message;
  }
  if (last) {
    uncommitted.set(JSON.stringify([batch.topic, batch.partition]), BigInt(last.offset) + 1n);
    lastRecord = Date.now();
  }
  if (commitMode === "each") await commit();
  await heartbeat();
}

/** Commits what was printed. Network trouble or a rebalance leaves it for the next time. */
async function commit() {
  if (uncommitted.size === 0 || commitMode === "auto") return;
  const offsets = [...uncommitted].map(([key, offset]) => [...JSON.parse(key), offset]);
  try {
    await consumer.commitOffsets(offsets.map(([topic, partition, offset]) => ({ topic, partition, offset: `${offset}` })));
  } catch (error) {
    failed(error);
    return;
  }
  emit({ event: "committed", offsets: offsets.map(([topic, partition, offset]) => [topic, partition, Number(offset)]) });
  uncommitted.clear();
}

function printRecord(batch, { offset, timestamp, key, value, headers }) {
  emit({
    event: "record",
    topic: batch.topic,
    partition: batch.partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: encode(key),
    value: encode(value),
    // A name that occurs twice has a list of values.
    headers: Object.entries(headers ?? {}).flatMap(([name, v]) => [v].flat().map((one) => [name, encode(one)])),
  });
  records += 1;
}

function failed(error) {
  const cause = error.code === undefined && error.cause ? error.cause : error;
  const code = Number.isInteger(cause.code) && cause.code > 0 ? cause.code : null;
  emit({ event: "error", class: cause.type ?? cause.name, code, message: cause.message });
  if (AUTHORIZATION.has(code)) finish(NOT_ALLOWED);
}

function emit(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

function encode(bytes) {
  return bytes == null ? null : Buffer.from(bytes).toString("base64");
}

function watchTheClock(start) {
  const now = Date.now();
  const seconds = env.PROBE ? 20 : Number(env.RUN_SECONDS ?? Infinity);
  const idle = Number(env.UNTIL_IDLE_MS ?? Infinity);
  if (now - start > seconds * 1000 || now - lastRecord > idle || records >= Number(env.MAX_RECORDS ?? Infinity)) finish(0);
}

process.stdin.resume().on("end", () => finish(0)).on("error", () => finish(0));
const clock = setInterval(watchTheClock, 100, Date.now());
try {
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({ autoCommit: commitMode === "auto", autoCommitInterval: 1000, eachBatchAutoResolve: false, eachBatch });
} catch (error) {
  failed(error);
}
const status = await finished;
clearInterval(clock);
await commit();
await consumer.disconnect(); // leaves the group
emit({ event: "end", records });
process.stdout.write("", () => process.exit(status));
