"""Reads topics as {{ principal }} with aiokafka; prints a line for each record: topic, partition, offset, value.

    pip install -r requirements.txt
    python3 consume.py

Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none), and all that env.sh has.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    NoOffsetForPartitionError,
    TopicAuthorizationFailedError,
)
from aiokafka.helpers import create_ssl_context

BUNDLE = Path(__file__).resolve().parents[2]
# All that you may read by name; keep what you need.
TOPICS = [
{% for topic in topics %}
    "{{ topic }}",
{% endfor %}
]
GROUP = os.environ.get("KAFKA_GROUP_ID", "{{ group_id }}-aiokafka")
# Every five seconds is often enough, and commits are limited.
COMMIT_SECONDS = 5


def process(record):
    """Your work. When it is done, the record counts as read; a crash before that brings the record again."""
    value = "null" if record.value is None else record.value.decode(errors="replace")
    print(record.topic, record.partition, record.offset, value, flush=True)


def is_canary(value):
    """Test events, which show every hour that a stream is alive, are no data."""
    try:
        return json.loads(value)["meta"]["domain"] == "canary"
    except (ValueError, TypeError, KeyError):
        return False


def pem(variable, file):
    path = os.environ.get(variable, BUNDLE / file)
    open(path).close()  # the library would not say which one is missing
    return path


def make_consumer(topics):
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "{{ bootstrap }}"),
        security_protocol="SSL",
        ssl_context=create_ssl_context(
            cafile=pem("KAFKA_SSL_CA_LOCATION", "{{ ca }}"),
            certfile=pem("KAFKA_SSL_CERTIFICATE_LOCATION", "{{ certificate }}"),
            keyfile=pem("KAFKA_SSL_KEY_LOCATION", "{{ key }}"),
        ),
        group_id=GROUP,
        # Where a group without offsets begins. The library's own choice is latest: what is there is never read.
        auto_offset_reset=os.environ.get("KAFKA_AUTO_OFFSET_RESET", "{{ offset_reset }}"),
        # This program commits, after it has processed.
        enable_auto_commit=False,
        # Records of aborted transactions are no events.
        isolation_level="read_committed",
        # NATs and firewalls forget connections that are quiet for some minutes, and tell nobody. The library has no TCP
        # keep-alive; what it uses is never quiet (heartbeats, fetches), and this closes the rest in time.
        connections_max_idle_ms=180_000,
        # client_rack stays unset: it is for readers inside the data centre.
    )


async def read(topics, stopping):
    consumer = make_consumer(topics)
    try:
        await consumer.start()
        print(f"reading {len(topics)} topics as group {GROUP}", file=sys.stderr)
        committed = time.monotonic()
        while not stopping.is_set():
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    if not is_canary(record.value):
                        process(record)
            if time.monotonic() - committed > COMMIT_SECONDS:
                await consumer.commit()  # all that was polled, which is all that was processed
                committed = time.monotonic()
        await consumer.commit()
    finally:
        await consumer.stop()  # leaves the group


async def main():
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it tells of connections that the program itself closes
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        await read(os.environ["KAFKA_TOPICS"].split(",") if "KAFKA_TOPICS" in os.environ else TOPICS, stopping)
    except TopicAuthorizationFailedError as error:
        sys.exit(f"A topic is refused: it is not among those of README.md, or the operator has suspended it. ({error})")
    except GroupAuthorizationFailedError as error:
        sys.exit(
            f"Group {GROUP} is refused: README.md says how its name must begin, if at all, and how many groups you may "
            f"have. ({error})"
        )
    except NoOffsetForPartitionError as error:
        sys.exit(f"Group {GROUP} has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once. ({error})")
    except KafkaConnectionError as error:
        sys.exit(
            "Nobody answers, or TLS is refused: your certificate has expired, is revoked or suspended, "
            f"or {{ ca }} is not the server's CA. ({error})"
        )
    except (KafkaError, OSError) as error:
        if not isinstance(error, BrokenPipeError):
            sys.exit(f"{type(error).__name__}: {error}")
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


asyncio.run(main())
