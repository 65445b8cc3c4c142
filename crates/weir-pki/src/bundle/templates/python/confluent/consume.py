"""Reads topics as {{ principal }} with confluent-kafka; prints a line for each record: topic, partition, offset, value.

    pip install -r requirements.txt
    python3 consume.py

Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none), and all that env.sh and env-inline.sh have.
With a file of librdkafka's settings as its argument, such as ../../librdkafka.conf, it takes those in place of its own.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException

BUNDLE = Path(__file__).resolve().parents[2]
# All that you may read by name; keep what you need.
TOPICS = [
{% for topic in topics %}
    "{{ topic }}",
{% endfor %}
]
GROUP = os.environ.get("KAFKA_GROUP_ID", "{{ group_id }}-python")
OFFSET_RESET = os.environ.get("KAFKA_AUTO_OFFSET_RESET", "{{ offset_reset }}")


def process(message):
    """Your work. When it is done, the record counts as read; a crash before that brings the record again."""
    value = "null" if message.value() is None else message.value().decode(errors="replace")
    print(message.topic(), message.partition(), message.offset(), value, flush=True)


def settings():
    return {
        "bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "{{ bootstrap }}"),
        "security.protocol": "ssl",
        **pem("ssl.ca", "KAFKA_SSL_CA", "{{ ca }}"),
        **pem("ssl.certificate", "KAFKA_SSL_CERTIFICATE", "{{ certificate }}"),
        **pem("ssl.key", "KAFKA_SSL_KEY", "{{ key }}"),
        "group.id": GROUP,
        # Where a group without offsets begins. librdkafka's own choice is latest: what is there is never read.
        "auto.offset.reset": {"none": "error"}.get(OFFSET_RESET, OFFSET_RESET),
        # Records of aborted transactions are no events.
        "isolation.level": "read_committed",
        # NATs and firewalls forget connections that are quiet for some minutes, and tell nobody.
        "socket.keepalive.enable": True,
        "connections.max.idle.ms": 180_000,
        "log.connection.close": False,
        # client.rack stays unset: it is for readers inside the data centre.
    }


def pem(setting, variable, file):
    """The text in VARIABLE_PEM, or the file that VARIABLE_LOCATION names, or this bundle's."""
    if f"{variable}_PEM" in os.environ:
        return {f"{setting}.pem": os.environ[f"{variable}_PEM"]}
    return {f"{setting}.location": os.environ.get(f"{variable}_LOCATION", str(BUNDLE / file))}


def read_settings(path):
    lines = (line.strip() for line in Path(path).read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def is_canary(value):
    """Test events, which show every hour that a stream is alive, are no data."""
    try:
        return json.loads(value)["meta"]["domain"] == "canary"
    except (ValueError, TypeError, KeyError):
        return False


class Refused(Exception):
    """A refusal that no retry mends."""


def explain(error):
    """Raises a sentence where a retry mends nothing; else says what happened."""
    text = error.str()
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        raise Refused(
            f"A topic is refused: it is not among those of README.md, or the operator has suspended it. ({text})"
        )
    if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        raise Refused(
            f"Group {GROUP} is refused: README.md says how its name must begin, if at all, and how many groups you may "
            f"have. ({text})"
        )
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        raise Refused(f"Group {GROUP} has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once. ({text})")
    if "alert" in text or "certificate" in text:
        raise Refused(
            "TLS is refused: your certificate has expired, is revoked or suspended, "
            f"or {{ ca }} is not the server's CA. ({text})"
        )
    print(f"goes on after: {text}", file=sys.stderr)


def main():
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    config = read_settings(sys.argv[1]) if len(sys.argv) > 1 else settings()
    config |= {
        # librdkafka commits every five seconds and at the end (commits are limited, so not for each record), and no
        # more than store_offsets was told of: what was processed.
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
        "error_cb": explain,
        "on_commit": lambda error, _: error and explain(error),
    }
    try:
        consumer = Consumer(config)
    except KafkaException as error:
        sys.exit(f"The settings or the files of the certificate are wrong: {error.args[0].str()}")
    topics = os.environ["KAFKA_TOPICS"].split(",") if "KAFKA_TOPICS" in os.environ else TOPICS
    consumer.subscribe(topics)
    print(f"reading {len(topics)} topics as group {config['group.id']}", file=sys.stderr)
    try:
        while not stopping.is_set():
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                explain(message.error())
                continue
            if not is_canary(message.value()):
                process(message)
            consumer.store_offsets(message)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        consumer.close()  # commits, and leaves the group


try:
    main()
except Refused as sentence:
    sys.exit(str(sentence))
