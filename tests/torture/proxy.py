# SPDX-License-Identifier: MIT
"""What is between two processes, in the hands of the driver: proxy.py SEED FRONTS, where FRONTS is JSON, a list of
[class, listening path, target path]. Commands come as lines on standard input, each answered by one line that says what
was done:

  cut CLASS N             N connections end, both ways
  mute CLASS N SECONDS    what is asked goes through, the answers do not; then it is cut: the outcome is unknown
  half CLASS N            one side hears that the other has finished, and may go on itself
  stall CLASS N SECONDS   nothing goes through, and nothing is lost
  delay CLASS MS SECONDS  all of it comes later
  refuse CLASS SECONDS    who connects is turned away
  heal                    as if nothing had been
"""
import collections
import json
import os
import random
import select
import selectors
import socket
import sys
import time

chance = random.Random(sys.argv[1])
loop = selectors.DefaultSelector()
links = set()
delays, refusals = {}, {}  # class: (seconds, until), until
BUFFER = 256 * 1024


class Half:
    """One direction of a link."""

    def __init__(self, link, source, target):
        self.link, self.source, self.target = link, source, target
        self.queue, self.size = collections.deque(), 0
        self.ended = self.told = False  # the source has finished; the target was told so
        self.gone = False  # the source takes nothing any more either
        self.hold, self.drop = 0.0, False

    def read(self):
        try:
            data = self.source.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended = True
            poll = select.poll()
            poll.register(self.source, 0)
            self.gone = bool(poll.poll(0))  # POLLHUP: closed, not only shut down
        elif not self.drop:
            late, until = delays.get(self.link.kind, (0.0, 0.0))
            now = time.monotonic()
            self.queue.append((now + late if now < until else now, data))
            self.size += len(data)

    def due(self):
        """When there is something to write, or None."""
        if self.queue:
            return max(self.queue[0][0], self.hold)
        if self.ended and not self.told:
            return self.hold
        return None

    def write(self, now):
        while self.queue and max(self.queue[0][0], self.hold) <= now:
            at, data = self.queue.popleft()
            try:
                n = self.target.send(data)
            except BlockingIOError:
                n = 0
            except OSError:
                self.link.dead = True
                return
            self.size -= n
            if n < len(data):
                self.queue.appendleft((at, data[n:]))
                return
        if not self.queue and self.ended and not self.told and self.hold <= now:
            self.told = True
            if self.gone:
                self.link.dead = True
                return
            try:
                self.target.shutdown(socket.SHUT_WR)
            except OSError:
                self.link.dead = True


class Link:
    def __init__(self, kind, client, server):
        self.kind, self.client, self.server, self.dead, self.cut_at = kind, client, server, False, None
        self.up, self.down = Half(self, client, server), Half(self, server, client)
        self.watched = {}
        links.add(self)

    def watch(self, now):
        """Ask the selector for what can go on; the time of what cannot yet, or None."""
        soonest = self.cut_at
        for half, other in ((self.up, self.down), (self.down, self.up)):
            due = half.due()
            mask = 0 if half.ended or half.size > BUFFER else selectors.EVENT_READ
            back = other.due()
            if back is not None and back <= now:
                mask |= selectors.EVENT_WRITE
            if due is not None and due > now:
                soonest = due if soonest is None else min(soonest, due)
            sock = half.source
            if mask != self.watched.get(sock, 0):
                if self.watched.get(sock, 0) == 0:
                    loop.register(sock, mask, self)
                elif mask == 0:
                    loop.unregister(sock)
                else:
                    loop.modify(sock, mask, self)
                self.watched[sock] = mask
        return soonest

    def on_event(self, sock, mask, now):
        if mask & selectors.EVENT_READ:
            (self.up if sock is self.client else self.down).read()
        if mask & selectors.EVENT_WRITE:
            (self.down if sock is self.client else self.up).write(now)

    def is_over(self, now):
        return self.dead or (self.up.told and self.down.told) or (self.cut_at is not None and self.cut_at <= now)

    def close(self):
        for sock, mask in self.watched.items():
            if mask:
                loop.unregister(sock)
        self.client.close()
        self.server.close()
        links.discard(self)


class Front:
    def __init__(self, kind, path, target):
        self.kind, self.target = kind, target
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(path)
        self.sock.listen(512)
        self.sock.setblocking(False)
        loop.register(self.sock, selectors.EVENT_READ, self)

    def accept(self, now):
        try:
            client, _ = self.sock.accept()
        except OSError:
            return
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.setblocking(False)  # a stopped server's full backlog is a refusal, too
        try:
            if refusals.get(self.kind, 0) > now:
                raise OSError("turned away")
            server.connect(self.target)
        except OSError:
            client.close()
            server.close()
            return
        client.setblocking(False)
        Link(self.kind, client, server)


def some(kind, n):
    there = sorted((x for x in links if x.kind == kind), key=lambda x: x.client.fileno())
    return chance.sample(there, min(n, len(there)))


def command(line, now):
    word, *rest = line.split()
    if word == "heal":
        delays.clear()
        refusals.clear()
        for x in links:
            x.up.hold = x.down.hold = 0.0
        return "healed"
    kind = rest[0]
    if word == "delay":
        delays[kind] = (float(rest[1]) / 1000, now + float(rest[2]))
        return f"{rest[1]} ms"
    if word == "refuse":
        refusals[kind] = now + float(rest[1])
        return f"{rest[1]} s"
    chosen = some(kind, int(rest[1]))
    for x in chosen:
        if word == "cut":
            x.dead = True
        elif word == "mute":
            x.down.drop = True
            x.cut_at = now + float(rest[2])
        elif word == "half":
            chance.choice((x.up, x.down)).ended = True
        elif word == "stall":
            x.up.hold = x.down.hold = now + float(rest[2])
    return f"{len(chosen)} of {len([x for x in links if x.kind == kind])}"


def main():
    fronts = [Front(*f) for f in json.loads(sys.argv[2])]
    os.set_blocking(0, False)
    loop.register(0, selectors.EVENT_READ, None)
    typed = b""
    print(f"ready {len(fronts)}", flush=True)
    while True:
        now = time.monotonic()
        soonest = None
        for x in list(links):
            if x.is_over(now):
                x.close()
                continue
            at = x.watch(now)
            if at is not None:
                soonest = at if soonest is None else min(soonest, at)
        for key, mask in loop.select(None if soonest is None else max(0.0, soonest - now)):
            now = time.monotonic()
            if key.data is None:
                data = os.read(0, 65536)
                if not data:
                    return
                typed += data
                while b"\n" in typed:
                    line, typed = typed.split(b"\n", 1)
                    print(command(line.decode(), now), flush=True)
            elif isinstance(key.data, Front):
                key.data.accept(now)
            elif key.data in links:
                key.data.on_event(key.fileobj, mask, now)


if __name__ == "__main__":
    main()
