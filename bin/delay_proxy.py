#!/usr/bin/env python3
"""Makes a road long: leads TCP connections to a port and gives every byte later, by the same time in each direction.

    bin/delay_proxy.py [HOST:]PORT [HOST:]TARGET_PORT MILLISECONDS [COUNT_FILE]    of 127.0.0.1 if no host is said; until it is stopped

It limits nothing else: it reads what comes as long as less than HELD_BYTES are under way, so the road is long, not
narrow. With 0 milliseconds it shows what the proxy itself costs. COUNT_FILE holds at any time how many bytes came, from
clients and from the target: two integers of 8 bytes of this machine.
"""

import collections
import heapq
import mmap
import selectors
import socket
import sys
import time

CHUNK_BYTES = 1 << 18
HELD_BYTES = 1 << 28


class Direction:
    """The bytes of one connection that travel one way; None stands for the end."""

    def __init__(self, source, sink, counts, number):
        self.source, self.sink = source, sink
        self.counts, self.number = counts, number
        self.way = collections.deque()
        self.held = 0
        self.reading, self.full = True, False

    def read(self, delay):
        try:
            chunk = self.source.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self.reading = bool(chunk)
        self.held += len(chunk)
        self.counts[self.number] += len(chunk)
        self.way.append((time.monotonic() + delay, memoryview(chunk) if chunk else None))

    def write(self, now):
        """Gives what is due, as far as the socket takes it; tells when it wants to be asked again, if ever."""
        self.full = False
        while self.way and self.way[0][0] <= now:
            due, chunk = self.way[0]
            try:
                if chunk is None:
                    self.sink.shutdown(socket.SHUT_WR)
                    self.way.popleft()
                    continue
                sent = self.sink.send(chunk)
            except BlockingIOError:
                self.full = True
                return None
            except OSError:
                self.way.clear()
                self.reading = False
                return None
            self.held -= sent
            if sent < len(chunk):
                self.way[0] = due, chunk[sent:]
            else:
                self.way.popleft()
        return self.way[0][0] if self.way else None

    def wants_to_read(self):
        return self.reading and self.held < HELD_BYTES

    def is_over(self):
        return not self.reading and not self.way


class Proxy:
    def __init__(self, listen, target, delay, counts):
        self.target = target
        self.delay = delay
        self.counts = counts
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(listen, backlog=128)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.reads, self.writes = {}, {}
        self.alarms = []
        self.count = 0

    def run(self):
        while True:
            wait = max(0, self.alarms[0][0] - time.monotonic()) if self.alarms else None
            for key, events in self.selector.select(wait):
                if key.fileobj is self.listener:
                    self.welcome()
                    continue
                if events & selectors.EVENT_READ and key.fileobj in self.reads:
                    direction = self.reads[key.fileobj]
                    idle = not direction.way
                    direction.read(self.delay)
                    if idle and direction.way:
                        self.arm(direction, direction.way[0][0])
                    self.watch(direction)
                if events & selectors.EVENT_WRITE and key.fileobj in self.writes:
                    self.move(self.writes[key.fileobj])
            now = time.monotonic()
            while self.alarms and self.alarms[0][0] <= now:
                self.move(heapq.heappop(self.alarms)[2])

    def arm(self, direction, due):
        self.count += 1
        heapq.heappush(self.alarms, (due, self.count, direction))

    def move(self, direction):
        due = direction.write(time.monotonic())
        if due is not None:
            self.arm(direction, due)
        self.watch(direction)

    def welcome(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        for end in client, server:
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, (source, sink) in enumerate([(client, server), (server, client)]):
            self.reads[source] = self.writes[sink] = Direction(source, sink, self.counts, number)
        for end in client, server:
            self.selector.register(end, selectors.EVENT_READ)

    def watch(self, direction):
        for end in direction.source, direction.sink:
            if end not in self.reads:
                return
            wanted = selectors.EVENT_READ if self.reads[end].wants_to_read() else 0
            wanted |= selectors.EVENT_WRITE if self.writes[end].full else 0
            known = self.selector.get_map().get(end)
            if known and not wanted:
                self.selector.unregister(end)
            elif wanted and not known:
                self.selector.register(end, wanted)
            elif known and known.events != wanted:
                self.selector.modify(end, wanted)
        if self.reads[direction.source].is_over() and self.writes[direction.source].is_over():
            for end in direction.source, direction.sink:
                if end in self.selector.get_map():
                    self.selector.unregister(end)
                del self.reads[end], self.writes[end]
                end.close()


def place(words):
    host, _, port = words.rpartition(":")
    return host or "127.0.0.1", int(port)


def shared_counts(path):
    """Two numbers in a file, which others read while we write."""
    with open(path, "w+b") as file:
        file.truncate(16)
        return memoryview(mmap.mmap(file.fileno(), 16)).cast("Q")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    counts = shared_counts(sys.argv[4]) if len(sys.argv) == 5 else [0, 0]
    Proxy(place(sys.argv[1]), place(sys.argv[2]), float(sys.argv[3]) / 1000, counts).run()
