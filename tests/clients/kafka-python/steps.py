"""Does one step again and again, and says each time what its program would be told. The contract is in ../README.md."""

import json
import logging
import os
import sys
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

ENV = os.environ
TOPIC = ENV["TOPIC"]
WAIT = 3000
stopping = threading.Event()


def settings(**more):
    common = {"bootstrap_servers": ENV["BOOTSTRAP"], "metadata_max_age_ms": 1000, "reconnect_backoff_max_ms": 1000}
    if "PLAINTEXT" not in ENV:
        common |= {"security_protocol": "SSL", "ssl_cafile": ENV["CA"]}
        if "CERT" in ENV:
            common |= {"ssl_certfile": ENV["CERT"], "ssl_keyfile": ENV["KEY"]}
    return common | more


def made(client):
    """The client, which connects when it is made: again and again until that works."""
    while not stopping.is_set():
        done = []
        tried(client.__name__.removeprefix("make_"), lambda: done.append(client()))
        if done:
            return done[0]
    raise SystemExit


def make_KafkaConsumer():
    return KafkaConsumer(
        **settings(
            group_id=ENV["GROUP"], session_timeout_ms=10000, auto_offset_reset="earliest", enable_auto_commit=False
        )
    )


def partitions():
    return [TopicPartition(TOPIC, number) for number in range(int(ENV.get("PARTITIONS", 1)))]


def read():
    client = made(make_KafkaConsumer)
    if not tried("subscribe", lambda: client.subscribe([TOPIC])):
        return
    again("poll", lambda: client.poll(200))
    client.close()


def commit():
    client = made(make_KafkaConsumer)
    client.subscribe([TOPIC])
    while not stopping.is_set() and not client.assignment():
        tried("poll", lambda: client.poll(200) and False)
    metadata = "m" * int(ENV.get("METADATA", 0))
    offsets = {partition: OffsetAndMetadata(1, metadata, -1) for partition in partitions()}

    def once():
        client.poll(50)
        client.commit(offsets, timeout_ms=WAIT)
        return True

    again("commit", once)
    client.close()


def assign():
    client = made(make_KafkaConsumer)
    first = TopicPartition(TOPIC, 0)
    client.assign([first])
    client.seek(first, 2)
    again("poll", lambda: any(record.offset == 2 for record in client.poll(200).get(first, [])))
    client.close()


def times():
    client = made(make_KafkaConsumer)
    again("offsets_for_times", lambda: client.offsets_for_times({partition: 1 for partition in partitions()}))
    client.close()


def make_KafkaProducer():
    more = {"transactional_id": "mine"} if ENV["STEP"] == "transact" else {"acks": 1, "enable_idempotence": False}
    return KafkaProducer(**settings(max_block_ms=WAIT, **more))


def produce():
    client = made(make_KafkaProducer)
    again("send", lambda: client.send(TOPIC, b"").get(timeout=5))


def transact():
    client = made(make_KafkaProducer)

    def once():
        client.init_transactions()
        return True

    again("init_transactions", once)


def make_KafkaAdminClient():
    return KafkaAdminClient(**settings())


def configs():
    client = made(make_KafkaAdminClient)

    def once():
        kind = ConfigResourceType(int(ENV.get("CONFIG", 4)))
        client.describe_configs([ConfigResource(kind, "1")])
        return True

    again("describe_configs", once)


def again(call, once):
    while not stopping.is_set():
        tried(call, lambda: once() and (say("ok", call) or time.sleep(0.3)))


def tried(call, once):
    """Whether nothing was raised."""
    try:
        once()
        return True
    except Exception as e:
        code = getattr(e, "errno", None)
        say("error", call, **{"class": type(e).__name__}, code=code if code and code > 0 else None)
        print(repr(e), file=sys.stderr)
        time.sleep(0.3)
        return False


def say(event, call, **more):
    sys.stdout.write(json.dumps({"event": event, "call": call, **more}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), stopping.set()), daemon=True).start()
    steps = {"read": read, "commit": commit, "assign": assign, "times": times}
    (steps | {"produce": produce, "transact": transact, "configs": configs})[ENV["STEP"]]()
    stopping.wait()
    print('{"event":"end"}', flush=True)
    os._exit(0)  # the thread that waits on stdin may still hold it
