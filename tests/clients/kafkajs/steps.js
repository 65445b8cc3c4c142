// Does one step again and again, and says each time what its program would be told. The contract is in ../README.md.

import { readFileSync } from "node:fs";
import { Kafka, logLevel } from "kafkajs";

const env = process.env;
const topic = env.TOPIC;
const partitions = Array.from({ length: Number(env.PARTITIONS ?? 1) }, (_, number) => number);
const file = (name) => (env[name] ? readFileSync(env[name]) : undefined);

const kafka = new Kafka({
  clientId: "kafkajs",
  brokers: env.BOOTSTRAP.split(","),
  ssl: env.PLAINTEXT ? false : { ca: file("CA"), cert: file("CERT"), key: file("KEY") },
  // It gives up after a second and a half instead of ten.
  retry: { initialRetryTime: 100, retries: 4 },
  logLevel: logLevel.WARN,
});

let stopping = false;
process.stdin.resume().on("end", () => (stopping = true)).on("error", () => (stopping = true));

/** Until `connect` works. */
async function connected(client) {
  let done = false;
  while (!stopping && !done) await tried("connect", async () => void (await client.connect().then(() => (done = true))));
  return client;
}

async function consuming(eachMessage) {
  const consumer = kafka.consumer({
    groupId: env.GROUP,
    sessionTimeout: 10000,
    heartbeatInterval: 1000,
    maxWaitTimeInMs: 300,
    metadataMaxAge: 1000,
    allowAutoTopicCreation: false,
  });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    failed("CRASH event", payload.error);
    if (!payload.restart) say({ event: "stopped", call: "CRASH event" });
  });
  await connected(consumer);
  let subscribed = false;
  while (!stopping && !subscribed) {
    await tried("subscribe", async () => {
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      subscribed = true;
    });
  }
  await tried("run", () => consumer.run({ autoCommit: false, eachMessage }));
  return { consumer, joined };
}

const steps = {
  async read() {
    let last = 0;
    const { consumer } = await consuming(async () => {
      if (Date.now() - last > 300) say({ event: "ok", call: "eachMessage" });
      last = Date.now();
    });
    await ended();
    await consumer.disconnect();
  },
  async commit() {
    const { consumer, joined } = await consuming(async () => {});
    await Promise.race([joined, ended()]);
    const metadata = "m".repeat(Number(env.METADATA ?? 0));
    const offsets = partitions.map((partition) => ({ topic, partition, offset: "1", metadata }));
    await again("commitOffsets", () => consumer.commitOffsets(offsets).then(() => true));
    await consumer.disconnect();
  },
  async assign() {
    // There is no way to be given partitions without a group.
    const { consumer, joined } = await consuming(async ({ partition, message }) => {
      if (partition === 0 && message.offset === "2") say({ event: "ok", call: "eachMessage" });
    });
    await Promise.race([joined, ended()]);
    await tried("seek", async () => consumer.seek({ topic, partition: 0, offset: "2" }));
    await ended();
    await consumer.disconnect();
  },
  async times() {
    const admin = await connected(kafka.admin());
    await again("fetchTopicOffsetsByTimestamp", () => admin.fetchTopicOffsetsByTimestamp(topic, 1));
    await admin.disconnect();
  },
  async produce() {
    const producer = await connected(kafka.producer());
    await again("send", () => producer.send({ topic, acks: 1, messages: [{ value: "" }] }));
    await producer.disconnect();
  },
  async transact() {
    // It asks for its coordinator when it connects.
    const producer = await connected(kafka.producer({ transactionalId: "mine", idempotent: true, maxInFlightRequests: 1 }));
    await again("transaction", () => producer.transaction());
    await producer.disconnect();
  },
  async configs() {
    const admin = await connected(kafka.admin());
    const resources = [{ type: Number(env.CONFIG ?? 4), name: "1" }];
    await again("describeConfigs", () => admin.describeConfigs({ resources, includeSynonyms: false }));
    await admin.disconnect();
  },
};

async function again(call, once) {
  while (!stopping) await tried(call, once);
}

async function tried(call, once) {
  try {
    if (await once()) {
      say({ event: "ok", call });
      await pause();
    }
  } catch (error) {
    failed(call, error);
    await pause();
  }
}

function failed(call, error) {
  const cause = error.code === undefined && error.cause ? error.cause : error;
  const code = Number.isInteger(cause.code) && cause.code > 0 ? cause.code : null;
  say({ event: "error", call, class: error.name, code });
  console.error(error);
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 300));

async function ended() {
  while (!stopping) await pause();
}

function say(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

await steps[env.STEP]();
process.stdout.write('{"event":"end"}\n', () => process.exit(0));
