#!/usr/bin/env python3
"""Puts the changes of each page in order again: JSON lines in, JSON lines out.

    python3 reorder.py [--hold SECONDS] <events.jsonl >ordered.jsonl

Events of one page may come in any order, from two data centres, and more than once. An event is held until events that
are SECONDS (60) newer have come, by their own time; then the page's events that are so old go out, by revision id, and by
time where that is the same. What has the id of an event that was there before is left out. What comes so late that a newer
revision of its page has gone out goes out, too, with "late": true beside it: whoever keeps a state must not go back to it.

Memory is that of the events of SECONDS, and of the last revision of as many pages and ids as are below in REMEMBERED.
"""
import argparse
import heapq
import json
import sys
from collections import OrderedDict
from datetime import datetime

REMEMBERED = 1_000_000


class Memory(OrderedDict):
    """What was put last, as far as it is remembered."""

    def put(self, key, value):
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


def seconds(event):
    """When it happened: the event's own time, or that of its writing."""
    text = event.get("dt") or event["meta"]["dt"]
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def page(event):
    """Wiki and page id. What has no page is a page of its own."""
    wiki = event.get("wiki_id") or event.get("database") or event.get("wiki")
    of_page = event.get("page")
    number = of_page.get("page_id") if isinstance(of_page, dict) else event.get("page_id")
    return (wiki, number) if wiki and number is not None else (None, event["meta"]["id"])


def revision(event):
    """The revision id; what has none comes by its time alone."""
    of_page = event.get("revision")
    if isinstance(of_page, dict):
        return of_page.get("rev_id") or of_page.get("new") or 0
    return event.get("rev_id") or 0


class Order:
    """Holds events back."""

    def __init__(self, hold, write):
        self.hold, self.write = hold, write
        self.newest = float("-inf")
        self.due, self.held, self.last, self.ids, self.count = [], {}, Memory(), Memory(), 0

    def put(self, event):
        if event["meta"]["id"] in self.ids:
            return
        self.ids.put(event["meta"]["id"], None)
        at, of_page = seconds(event), page(event)
        self.count += 1  # so that events are never compared
        self.held.setdefault(of_page, []).append((revision(event), at, self.count, event))
        heapq.heappush(self.due, (at, self.count, of_page))
        self.newest = max(self.newest, at)
        self.release(self.newest - self.hold)

    def release(self, until):
        """Lets go of all that is as old, page by page."""
        while self.due and self.due[0][0] <= until:
            of_page = heapq.heappop(self.due)[2]
            waiting = self.held.pop(of_page, [])
            # The newest revision that is due takes the older ones of its page along, whatever their times are.
            upper = max((number for number, at, _, _ in waiting if at <= until), default=None)
            goes = [one for one in waiting if upper is not None and (one[0] <= upper and (one[0] or one[1] <= until))]
            stays = [one for one in waiting if one not in goes]
            if stays:
                self.held[of_page] = stays
            for number, _, _, event in sorted(goes, key=lambda one: one[:3]):
                late = 0 < number < self.last.get(of_page, number)
                self.write({**event, "late": True} if late else event)
                self.last.put(of_page, max(number, self.last.get(of_page, number)))

    def end(self):
        self.release(float("inf"))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--hold", type=float, default=60, metavar="SECONDS")
    order = Order(arguments.parse_args().hold, lambda event: print(json.dumps(event), flush=True))
    for line in sys.stdin:
        try:
            event = json.loads(line)
            seconds(event), event["meta"]["id"]
        except (ValueError, TypeError, KeyError, AttributeError):
            print(f"no event: {line[:200]!r}", file=sys.stderr)
            continue
        if event["meta"].get("domain") != "canary":
            order.put(event)
    order.end()


if __name__ == "__main__":
    main()
