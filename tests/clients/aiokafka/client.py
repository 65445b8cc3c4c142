"""Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../README.md."""

import asyncio
import base64
import json
import os
import sys
import threading
import time

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from aiokafka.helpers import create_ssl_context

NOT_ALLOWED = 3
AUTHORIZATION = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)


class Client(ConsumerRebalanceListener):
    def __init__(self, env):
        self.commit_mode = env.get("COMMIT", "each")
        self.uncommitted = {}
        self.records = 0
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=env["BOOTSTRAP"],
            security_protocol="SSL",
            ssl_context=create_ssl_context(cafile=env["CA"], certfile=env["CERT"], keyfile=env["KEY"]),
            group_id=env["GROUP"],
            isolation_level=env.get("ISOLATION", "read_committed"),
            auto_offset_reset="earliest",
            enable_auto_commit=self.commit_mode == "auto",
            auto_commit_interval_ms=1000,
            session_timeout_ms=10000,
            heartbeat_interval_ms=1000,
        )

    async def run(self, topics, max_records, idle_seconds, run_seconds, stopping):
        self.consumer.subscribe(topics, listener=self)
        await self.consumer.start()
        start = last_record = time.monotonic()
        while not stopping.is_set() and self.records < max_records:
            now = time.monotonic()
            if now - start > run_seconds or now - last_record > idle_seconds:
                break
            try:
                batches = await self.consumer.getmany(timeout_ms=200, max_records=500)
            except AUTHORIZATION:
                raise
            except KafkaError as e:
                print_error(e)
                await asyncio.sleep(0.2)
                continue
            for batch in batches.values():
                for record in batch:
                    self.print_record(record)
                    last_record = now
            sys.stdout.flush()
            if self.commit_mode == "each":
                await self.commit()
        await self.commit()

    async def on_partitions_assigned(self, assigned):
        print_partitions("assigned", assigned)

    async def on_partitions_revoked(self, revoked):
        await self.commit()
        for partition in revoked:
            self.uncommitted.pop(partition, None)
        print_partitions("revoked", revoked)

    async def commit(self):
        """Commits what was printed. Network trouble or a rebalance leaves it for the next time."""
        offsets = dict(self.uncommitted)
        if not offsets or self.commit_mode == "auto":
            return
        try:
            await self.consumer.commit(offsets)
        except AUTHORIZATION:
            raise
        except KafkaError as e:
            print_error(e)
            return
        emit(event="committed", offsets=[[tp.topic, tp.partition, offset] for tp, offset in offsets.items()])
        for tp, offset in offsets.items():
            if self.uncommitted.get(tp) == offset:
                del self.uncommitted[tp]

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


async def main(env):
    stopping = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), stopping.set()), daemon=True).start()
    probe = env.get("PROBE")
    client = Client(env)
    try:
        await client.run(
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
        await client.consumer.stop()  # leaves the group
        emit(event="end", records=client.records)


if __name__ == "__main__":
    os._exit(asyncio.run(main(os.environ)))  # the thread that waits on stdin may still hold it
