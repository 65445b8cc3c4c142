"""Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../README.md."""

import base64
import json
import os
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

NOT_ALLOWED = 3
AUTHORIZATION = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


def settings(env):
    classic = env.get("PROTOCOL", "classic") == "classic"
    return {
        "bootstrap.servers": env["BOOTSTRAP"],
        "security.protocol": "ssl",
        "ssl.ca.location": env["CA"],
        "ssl.certificate.location": env["CERT"],
        "ssl.key.location": env["KEY"],
        "group.id": env["GROUP"],
        "group.protocol": env.get("PROTOCOL", "classic"),
        "isolation.level": env.get("ISOLATION", "read_committed"),
        "auto.offset.reset": "earliest",
        "client.rack": env.get("RACK", ""),
        "enable.auto.commit": env.get("COMMIT", "each") == "auto",
        "auto.commit.interval.ms": 1000,
        "reconnect.backoff.max.ms": 500,
        "socket.keepalive.enable": True,
        "error_cb": print_error,
        # With the consumer protocol the broker decides how long a session lasts.
        **({"session.timeout.ms": 10000, "heartbeat.interval.ms": 1000} if classic else {}),
    }


class Client:
    def __init__(self, env):
        self.commit_mode = env.get("COMMIT", "each")
        self.uncommitted = {}
        self.records = 0
        self.consumer = Consumer(settings(env))

    def run(self, topics, max_records, idle_seconds, run_seconds, stopping):
        self.consumer.subscribe(topics, on_assign=self.assigned, on_revoke=self.revoked, on_lost=self.lost)
        start = last_record = time.monotonic()
        while not stopping.is_set() and self.records < max_records:
            now = time.monotonic()
            if now - start > run_seconds or now - last_record > idle_seconds:
                break
            for message in self.consumer.consume(num_messages=100, timeout=0.2):
                if message.error():
                    print_error(message.error())
                    if message.error().code() in AUTHORIZATION:
                        return NOT_ALLOWED
                    continue
                self.print_record(message)
                last_record = now
            sys.stdout.flush()
            if self.commit_mode == "each":
                self.commit()
        self.commit()
        return 0

    def assigned(self, _, partitions):
        print_partitions("assigned", partitions)

    def revoked(self, _, partitions):
        self.commit()
        self.lost(_, partitions)

    def lost(self, _, partitions):
        for p in partitions:
            self.uncommitted.pop((p.topic, p.partition), None)
        print_partitions("revoked", partitions)

    def commit(self):
        """Commits what was printed. Network trouble or a rebalance leaves it for the next time."""
        if not self.uncommitted or self.commit_mode == "auto":
            return
        offsets = [TopicPartition(t, p, offset) for (t, p), offset in self.uncommitted.items()]
        try:
            done = self.consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as e:
            print_error(e.args[0])
            return
        good = [[p.topic, p.partition, p.offset] for p in done if not p.error]
        for topic, partition, _ in good:
            del self.uncommitted[topic, partition]
        emit(event="committed", offsets=good)

    def print_record(self, message):
        emit(
            event="record",
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
            timestamp=message.timestamp()[1],
            key=encode(message.key()),
            value=encode(message.value()),
            headers=[[name, encode(value)] for name, value in message.headers() or []],
            flush=False,
        )
        self.records += 1
        self.uncommitted[message.topic(), message.partition()] = message.offset() + 1


def print_partitions(event, partitions):
    emit(event=event, partitions=[[p.topic, p.partition] for p in partitions])


def print_error(error):
    code = error.code() if error.code() > 0 else None  # negative: librdkafka's own errors
    emit(event="error", **{"class": error.name()}, code=code, message=error.str())


def emit(flush=True, **fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    if flush:
        sys.stdout.flush()


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def main(env):
    stopping = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), stopping.set()), daemon=True).start()
    probe = env.get("PROBE")
    client = Client(env)
    try:
        return client.run(
            [probe] if probe else env["TOPICS"].split(","),
            max_records=float(env.get("MAX_RECORDS", "inf")),
            idle_seconds=float(env.get("UNTIL_IDLE_MS", "inf")) / 1000,
            run_seconds=20 if probe else float(env.get("RUN_SECONDS", "inf")),
            stopping=stopping,
        )
    finally:
        client.consumer.close()  # leaves the group
        emit(event="end", records=client.records)
        sys.stdout.flush()


if __name__ == "__main__":
    os._exit(main(os.environ))  # the thread that waits on stdin may still hold it
