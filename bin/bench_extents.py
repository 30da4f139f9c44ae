#!/usr/bin/python3
"""Copies ranges from one NBD export to another as a user's own script would, with libnbd's bindings for Python.

    bin/bench_extents.py RANGES_JSON SOURCE_URI TARGET_URI [REQUESTS]

`bin/bench migrate` measures it. Without REQUESTS it reads and writes one piece after another; with it, so many pieces are
under way at once. It checks nothing and takes up nothing again: it is what migratekit is compared with, not a tool.
"""

import json
import select
import sys

import nbd

PIECE_BYTES = 256 * 1024


def pieces(ranges):
    for piece in ranges:
        position, end = piece["offset"], piece["offset"] + piece["length"]
        while position < end:
            yield position, min(PIECE_BYTES, end - position)
            position += PIECE_BYTES


def one_by_one(source, target, todo):
    for offset, length in todo:
        target.pwrite(source.pread(length, offset), offset)


class Pipeline:
    """Reads that become writes, so many at once."""

    def __init__(self, source, target, todo, requests):
        self.source, self.target, self.todo, self.requests = source, target, todo, requests
        self.under_way = 0

    def run(self):
        more = True
        while more or self.under_way:
            while more and self.under_way < self.requests:
                piece = next(self.todo, None)
                if piece is None:
                    more = False
                else:
                    self.read(*piece)
            if self.under_way:
                self.wait()

    def read(self, offset, length):
        buffer = nbd.Buffer(length)
        self.under_way += 1
        self.source.aio_pread(buffer, offset, completion=lambda error: self.write(buffer, offset, error))

    def write(self, buffer, offset, error):
        if error:
            sys.exit(f"bench_extents: reading at {offset}: error {error}")
        self.target.aio_pwrite(buffer, offset, completion=lambda failed: self.written(offset, failed))
        return 1

    def written(self, offset, error):
        if error:
            sys.exit(f"bench_extents: writing at {offset}: error {error}")
        self.under_way -= 1
        return 1

    def wait(self):
        poll = select.poll()
        handles = {handle.aio_get_fd(): handle for handle in (self.source, self.target)}
        for descriptor, handle in handles.items():
            way = handle.aio_get_direction()
            poll.register(descriptor, (select.POLLIN if way & nbd.AIO_DIRECTION_READ else 0)
                          | (select.POLLOUT if way & nbd.AIO_DIRECTION_WRITE else 0))
        ready = poll.poll(60_000)
        if not ready:
            sys.exit("bench_extents: nothing came for 60 s")
        for descriptor, events in ready:
            handle = handles[descriptor]
            way = handle.aio_get_direction()
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR) and way & nbd.AIO_DIRECTION_READ:
                handle.aio_notify_read()
            elif events & select.POLLOUT and way & nbd.AIO_DIRECTION_WRITE:
                handle.aio_notify_write()


def main():
    ranges, source_uri, target_uri = sys.argv[1:4]
    source, target = nbd.NBD(), nbd.NBD()
    source.connect_uri(source_uri)
    target.connect_uri(target_uri)
    with open(ranges) as file:
        todo = pieces(json.load(file))
    if len(sys.argv) > 4:
        Pipeline(source, target, todo, int(sys.argv[4])).run()
    else:
        one_by_one(source, target, todo)
    target.flush()
    for handle in source, target:
        handle.shutdown()


if __name__ == "__main__":
    main()
