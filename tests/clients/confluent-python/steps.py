"""Does one step again and again, and says each time what its program would be told. The contract is in ../README.md."""

import json
import os
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource

ENV = os.environ
TOPIC = ENV["TOPIC"]
WAIT = 3.0
stopping = threading.Event()


def settings(**more):
    common = {
        "bootstrap.servers": ENV["BOOTSTRAP"],
        "topic.metadata.refresh.interval.ms": 1000,
        "metadata.max.age.ms": 10000,
        "reconnect.backoff.max.ms": 1000,
        "error_cb": lambda error: say_error("error_cb", error),
    }
    if "PLAINTEXT" not in ENV:
        common |= {"security.protocol": "ssl", "ssl.ca.location": ENV["CA"]}
        if "CERT" in ENV:
            common |= {"ssl.certificate.location": ENV["CERT"], "ssl.key.location": ENV["KEY"]}
    return common | {key.replace("_", "."): value for key, value in more.items()}


def consumer():
    return Consumer(
        settings(group_id=ENV["GROUP"], session_timeout_ms=10000, auto_offset_reset="earliest", enable_auto_commit=False)
    )


def partitions(offset, **more):
    return [TopicPartition(TOPIC, number, offset, **more) for number in range(int(ENV.get("PARTITIONS", 1)))]


def polled(client, seconds=0.2):
    message = client.poll(seconds)
    if message is not None and message.error():
        say_error("poll", message.error())
        return None
    return message


def read():
    client = consumer()
    client.subscribe([TOPIC])
    again("poll", lambda: polled(client) is not None)
    client.close()


def commit():
    client = consumer()
    client.subscribe([TOPIC])
    while not stopping.is_set() and not client.assignment():
        tried("poll", lambda: polled(client) and False)
    offsets = partitions(1, metadata="m" * int(ENV.get("METADATA", 0)))

    def once():
        polled(client, 0.05)
        done = client.commit(offsets=offsets, asynchronous=False)
        refused = [partition.error for partition in done if partition.error]
        if refused:
            say_error("commit", refused[0])
        return not refused

    again("commit", once)
    client.close()


def assign():
    client = consumer()
    client.assign([TopicPartition(TOPIC, 0, 2)])

    def once():
        message = polled(client)
        return message is not None and message.offset() == 2

    again("poll", once)
    client.close()


def times():
    client = consumer()

    def once():
        found = client.offsets_for_times(partitions(1), timeout=WAIT)
        refused = [partition.error for partition in found if partition.error]
        if refused:
            say_error("offsets_for_times", refused[0])
        return not refused

    again("offsets_for_times", once)
    client.close()


def produce():
    client = Producer(settings(acks=1))

    def delivered(error, _):
        say_error("delivery callback", error) if error else say("ok", "delivery callback")

    def once():
        client.produce(TOPIC, b"", on_delivery=delivered)
        client.flush(WAIT)

    again("produce", once)


def transact():
    client = Producer(settings(transactional_id="mine"))
    again("init_transactions", lambda: client.init_transactions(WAIT) is None)


def configs():
    client = AdminClient(settings())

    def once():
        kind = next(kind for kind in ConfigResource.Type if kind.value == int(ENV.get("CONFIG", 4)))
        for future in client.describe_configs([ConfigResource(kind, "1")], request_timeout=WAIT).values():
            future.result()
        return True

    again("describe_configs", once)


def again(call, once):
    while not stopping.is_set():
        tried(call, once)


def tried(call, once):
    try:
        if once():
            say("ok", call)
            time.sleep(0.3)
    except KafkaException as e:
        say_error(call, e.args[0])
        time.sleep(0.3)
    except Exception as e:
        say("error", call, **{"class": type(e).__name__}, code=None)
        print(repr(e), file=sys.stderr)
        time.sleep(0.3)


def say_error(call, error):
    code = error.code() if error.code() > 0 else None  # negative: librdkafka's own errors
    say("error", call, **{"class": error.name()}, code=code)
    print(error, file=sys.stderr)


def say(event, call, **more):
    sys.stdout.write(json.dumps({"event": event, "call": call, **more}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), stopping.set()), daemon=True).start()
    steps = {"read": read, "commit": commit, "assign": assign, "times": times}
    (steps | {"produce": produce, "transact": transact, "configs": configs})[ENV["STEP"]]()
    print('{"event":"end"}', flush=True)
    os._exit(0)  # the thread that waits on stdin may still hold it
