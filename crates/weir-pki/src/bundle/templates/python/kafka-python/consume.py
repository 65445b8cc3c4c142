"""Reads topics as {{ principal }} with kafka-python; prints a line for each record: topic, partition, offset, value.

    pip install -r requirements.txt
    python3 consume.py

Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none), and all that env.sh has.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    TopicAuthorizationFailedError,
    for_code,
)

BUNDLE = Path(__file__).resolve().parents[2]
# All that you may read by name; keep what you need.
TOPICS = [
{% for topic in topics %}
    "{{ topic }}",
{% endfor %}
]
GROUP = os.environ.get("KAFKA_GROUP_ID", "{{ group_id }}-kafka-python")
# Every five seconds is often enough, and commits are limited.
COMMIT_SECONDS = 5

CONNECTION = {
    "bootstrap_servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "{{ bootstrap }}").split(","),
    "bootstrap_timeout_ms": 10_000,
    "security_protocol": "SSL",
    "ssl_cafile": os.environ.get("KAFKA_SSL_CA_LOCATION", BUNDLE / "{{ ca }}"),
    "ssl_certfile": os.environ.get("KAFKA_SSL_CERTIFICATE_LOCATION", BUNDLE / "{{ certificate }}"),
    "ssl_keyfile": os.environ.get("KAFKA_SSL_KEY_LOCATION", BUNDLE / "{{ key }}"),
    # NATs and firewalls forget connections that are quiet for some minutes, and tell nobody.
    "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)],
    "connections_max_idle_ms": 180_000,
    # client_rack stays unset: it is for readers inside the data centre.
}


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


def refuse_early(topics):
    """Asks for the topics: a subscription to one that is refused would only wait, and log."""
    admin = KafkaAdminClient(**CONNECTION)
    try:
        for topic in admin.describe_topics(topics):
            if for_code(topic["error_code"]) is TopicAuthorizationFailedError:
                raise TopicAuthorizationFailedError(topic["name"])
    finally:
        admin.close()


def read(topics, stopping):
    refuse_early(topics)
    consumer = KafkaConsumer(
        *topics,
        **CONNECTION,
        group_id=GROUP,
        # Where a group without offsets begins. The library's own choice is latest: what is there is never read.
        auto_offset_reset=os.environ.get("KAFKA_AUTO_OFFSET_RESET", "{{ offset_reset }}"),
        # This program commits, after it has processed.
        enable_auto_commit=False,
        # Records of aborted transactions are no events.
        isolation_level="read_committed",
        allow_auto_create_topics=False,
    )
    print(f"reading {len(topics)} topics as group {GROUP}", file=sys.stderr)
    committed = time.monotonic()
    try:
        while not stopping.is_set():
            # Not short: the library forgets a join that metadata began and that outlasts this, and then reads nothing.
            for records in consumer.poll(timeout_ms=5000).values():
                for record in records:
                    if not is_canary(record.value):
                        process(record)
            if time.monotonic() - committed > COMMIT_SECONDS:
                consumer.commit()  # all that was polled, which is all that was processed
                committed = time.monotonic()
        consumer.commit()
    finally:
        consumer.close()  # leaves the group


def main():
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        for file in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            open(CONNECTION[file]).close()  # the library would not say which one is missing
        read(os.environ["KAFKA_TOPICS"].split(",") if "KAFKA_TOPICS" in os.environ else TOPICS, stopping)
    except TopicAuthorizationFailedError as error:
        sys.exit(f"A topic is refused: it is not among those of README.md, or the operator has suspended it. ({error})")
    except GroupAuthorizationFailedError as error:
        sys.exit(
            f"Group {GROUP} is refused: README.md says how its name must begin, if at all, and how many groups you may "
            f"have. ({error})"
        )
    except NoOffsetForPartitionError as error:
        sys.exit(f"Group {GROUP} has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once. ({error})")
    except KafkaTimeoutError as error:
        sys.exit(
            "Nobody answers, or TLS is refused (the lines above say which): your certificate has expired, "
            f"is revoked or suspended, or {{ ca }} is not the server's CA. ({error})"
        )
    except (KafkaError, OSError) as error:
        if not isinstance(error, BrokenPipeError):
            sys.exit(f"{type(error).__name__}: {error}")
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


main()
