"""Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../README.md."""

import base64
import json
import os
import sys
import threading
import time

from kafka import AsyncConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)

NOT_ALLOWED = 3
AUTHORIZATION = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)


class Client(AsyncConsumerRebalanceListener):
    def __init__(self, env):
        self.commit_mode = env.get("COMMIT", "each")
        self.uncommitted = {}
        self.records = 0
        self.connection = {
            "bootstrap_servers": env["BOOTSTRAP"],
            "security_protocol": "SSL",
            "ssl_cafile": env["CA"],
            "ssl_certfile": env["CERT"],
            "ssl_keyfile": env["KEY"],
            "reconnect_backoff_max_ms": 500,
        }
        self.consumer = KafkaConsumer(
            **self.connection,
            group_id=env["GROUP"],
            isolation_level=env.get("ISOLATION", "read_committed"),
            auto_offset_reset="earliest",
            enable_auto_commit=self.commit_mode == "auto",
            auto_commit_interval_ms=1000,
            session_timeout_ms=10000,
            heartbeat_interval_ms=1000,
        )

    def run(self, topics, max_records, idle_seconds, run_seconds, stopping):
        self.refuse_early(topics)
        self.consumer.subscribe(topics, listener=self)
        start = last_record = time.monotonic()
        while not stopping.is_set() and self.records < max_records:
            now = time.monotonic()
            if now - start > run_seconds or now - last_record > idle_seconds:
                break
            try:
                # Not short: 3.0 forgets a join that new metadata began and that outlasts this, and then reads nothing.
                batches = self.consumer.poll(timeout_ms=2000)
            except AUTHORIZATION:
                raise
            except KafkaError as e:
                print_error(e)
                time.sleep(0.2)
                continue
            for batch in batches.values():
                for record in batch:
                    self.print_record(record)
                    last_record = now
            sys.stdout.flush()
            if self.commit_mode == "each":
                self.commit()
        self.commit()

    def refuse_early(self, topics):
        """Raises for a topic that may not be read: a subscription to it would only wait and log."""
        admin = KafkaAdminClient(**self.connection)
        try:
            for topic in admin.describe_topics(topics):
                error = for_code(topic["error_code"])
                if issubclass(error, AUTHORIZATION):
                    raise error(topic["name"])
        finally:
            admin.close()

    async def on_partitions_assigned(self, assigned):
        print_partitions("assigned", assigned)

    async def on_partitions_revoked(self, revoked):
        # These methods run in the loop that does the consumer's network work: a commit that waits would stop it.
        offsets = self.due()
        if offsets:
            try:
                await self.consumer.commit_async(offsets)
                self.committed(offsets)
            except KafkaError as e:
                print_error(e)
        await self.on_partitions_lost(revoked)

    async def on_partitions_lost(self, lost):
        for partition in lost:
            self.uncommitted.pop(partition, None)
        print_partitions("revoked", lost)

    def commit(self):
        """Commits what was printed. Network trouble or a rebalance leaves it for the next time."""
        offsets = self.due()
        if not offsets:
            return
        try:
            self.consumer.commit(offsets)
        except AUTHORIZATION:
            raise
        except KafkaError as e:
            print_error(e)
            return
        self.committed(offsets)

    def due(self):
        if self.commit_mode == "auto":
            return {}
        return {partition: OffsetAndMetadata(offset) for partition, offset in self.uncommitted.items()}

    def committed(self, offsets):
        emit(event="committed", offsets=[[tp.topic, tp.partition, next.offset] for tp, next in offsets.items()])
        self.uncommitted.clear()

    def print_record(self, record):
        emit(
            event="record",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            key=encode(record.key),
            value=encode(record.value),
            headers=[[name, encode(value)] for name, value in record.headers],
            flush=False,
        )
        self.records += 1
        self.uncommitted[TopicPartition(record.topic, record.partition)] = record.offset + 1


def print_partitions(event, partitions):
    emit(event=event, partitions=[[tp.topic, tp.partition] for tp in partitions])


def print_error(error):
    code = getattr(error, "errno", None)
    emit(event="error", **{"class": type(error).__name__}, code=code if code and code > 0 else None, message=str(error))


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
        client.run(
            [probe] if probe else env["TOPICS"].split(","),
            max_records=float(env.get("MAX_RECORDS", "inf")),
            idle_seconds=float(env.get("UNTIL_IDLE_MS", "inf")) / 1000,
            run_seconds=20 if probe else float(env.get("RUN_SECONDS", "inf")),
            stopping=stopping,
        )
        return 0
    except AUTHORIZATION as e:
        print_error(e)
        return NOT_ALLOWED
    finally:
        client.consumer.close()  # leaves the group
        emit(event="end", records=client.records)


if __name__ == "__main__":
    os._exit(main(os.environ))  # the thread that waits on stdin may still hold it
