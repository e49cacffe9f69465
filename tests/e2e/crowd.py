# SPDX-License-Identifier: MIT
"""Thousands of bad clients at once, CROWD (4000) of them or as many as the limit of open files allows: silent ones,
slow ones that send a byte now and then, half-closed ones, ones that ask and never read, streams that nobody reads, and
waves that vanish. Meanwhile a good client asks and writes, on a connection it keeps and on new ones. It must be served as
if it were alone, as far as clocks can tell: within half the time a slow client is given, so it cannot have waited for one.
Afterwards connections and memory come back, and what was acknowledged is there."""
import os
import resource
import socket
import sys
import threading
import time

from raw import PORT, SOCKET, Closed, Raw, Tap, call, figure, is_ready, memory_kb, request, until

TIMEOUT = float(os.environ["REQUEST_TIMEOUT"])  # what the daemon gives a request to arrive
PROMPT = TIMEOUT / 2
LEFT_KB = 12288  # that persons are remembered in (8 MiB, see attacks.py), and below which nothing is given back (TRIM_FROM of http.c)
BYTES_EACH = 3000 + 2 * 8192 // 5  # as in tests/proto/test_limits.c; and every fifth has two replies of 8 kB that it does not read


def room():
    """How many connections may be open at once, ours and the daemon's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(hard - 200, 11000, int(os.environ.get("CROWD", "4000")))


class Crowd(threading.Thread):
    """Opens n connections, four kinds in turn, and keeps the slow ones slow."""

    def __init__(self, n):
        super().__init__(daemon=True)
        self.n, self.socks, self.slow, self.stop = n, [], [], threading.Event()
        self.full, self.refused, self.vanished = threading.Event(), 0, 0

    def open(self, how):
        s = socket.socket(socket.AF_UNIX if how == "unix" else socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(30)
        s.connect(SOCKET if how == "unix" else ("127.0.0.1", PORT))
        s.setblocking(False)
        return s

    def begin(self, i):
        s = self.open("unix" if i % 2 else "tcp")
        self.socks.append(s)
        kind = i // 2 % 5
        if kind == 1:  # a request that never ends
            self.slow.append(s)
            s.send(b"POST /v1/tickets HTTP/1.1\r\nHost: turno\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        elif kind == 2:  # a head that never ends
            self.slow.append(s)
            s.send(b"GET /v1 HTTP/1.1\r\nX: ")
        elif kind == 3:  # half-closed in the middle of a request: refused and closed at once
            s.send(b"GET /v1/whoami HTTP/1.1\r\nHost: turno\r\n")
            s.shutdown(socket.SHUT_WR)
        elif kind == 4:  # asks and does not read
            s.send(request("GET", "/metrics") * 2)

    def drip(self):
        """A byte each, so that no timer of inactivity would fire."""
        for s in self.slow:
            try:
                s.send(b"x")
            except OSError:
                self.refused += 1
        self.slow = [s for s in self.slow if s.fileno() >= 0]

    def wave(self):
        """Some ask and are gone, some are gone at once."""
        for i in range(100):
            s = self.open("unix" if i % 2 else "tcp")
            s.send(request("GET", "/v1/whoami", "ana")[:20 if i % 3 else None])
            s.close()
            self.vanished += 1

    def run(self):
        for i in range(self.n):
            self.begin(i)
            if i % 500 == 0:
                self.drip()
        self.full.set()
        while not self.stop.wait(0.2):
            self.drip()
            self.wave()

    def end(self):
        self.stop.set()
        self.join()
        for s in self.socks:
            s.close()


def answered(slow):
    """What the slow ones were told: refused in time."""
    told = {408: 0, 0: 0}
    for s in slow:
        try:
            data = s.recv(4096)
        except OSError:
            data = b""
        told[408 if data.startswith(b"HTTP/1.1 408 ") else 0] += 1
    return told


def good(seconds, crowd, faults):
    """Served how fast? Times of a kept connection, of new ones, and of writing; and the tickets written."""
    took, tickets = {"kept": [], "new": [], "write": []}, []
    kept = Raw("unix")
    end = time.monotonic() + seconds
    while time.monotonic() < end or not crowd.full.is_set():
        for kind in took:
            began = time.monotonic()
            c = kept if kind == "kept" else Raw("tcp")
            body = {"subject": "in a crowd"} if kind == "write" else None
            c.send(request("POST" if body else "GET", "/v1/tickets" if body else "/v1/whoami", "acme", body))
            status, _, data = c.reply()
            took[kind].append(time.monotonic() - began)
            if status != (201 if body else 200):
                faults.append(f"{kind}: {status} {data[:100]!r}")
            elif body:
                tickets.append(int(data.split(b'"ticket":')[1].split(b",")[0]))
            if c is not kept:
                c.close()
        time.sleep(0.002)
    kept.close()
    return {kind: sorted(t) for kind, t in took.items()}, tickets


def silent_streams(n):
    """Agents who wait on a stream nobody reads."""
    out = []
    for i in range(n):
        c = Raw("unix" if i % 2 else "tcp")
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        c.send(request("GET", "/v1/feed", "ana", more="Accept: text/event-stream\r\n"))
        out.append(c)
    return out


def one_round(tap, n, say):
    faults, before = [], memory_kb()
    streams = silent_streams(200)
    crowd = Crowd(n)
    crowd.start()
    took, tickets = good(TIMEOUT + 1, crowd, faults)
    most, there = memory_kb(), figure("turno_http_connections")
    told = answered(crowd.slow[:500])
    crowd.end()
    for c in streams:
        c.vanish()
    for kind, t in took.items():
        if t[-1] > PROMPT:
            faults.append(f"{kind}: {t[-1]:.3f} s at worst, {PROMPT} s are allowed")
    say(f"a good client is served promptly among {n} bad ones", faults, n)
    say("the slow ones are told that they are too slow", [] if told[408] > 0 and told[0] == 0 else [f"{told}"], sum(told.values()))
    gone = until(lambda: figure("turno_http_connections") == 1 and figure("turno_http_open_requests") == 1 and figure("turno_http_streams") == 0, 20)
    say("all connections come back", [] if gone else [f"{figure('turno_http_connections')} are left"], 1)
    lost = [t for t in tickets if call("GET", f"/v1/tickets/{t}", "acme")[0] != 200]
    say("what was acknowledged is there", [f"lost: {lost[:5]}"] if lost or not tickets else [], len(tickets))
    for kind, t in took.items():
        print(f"# {kind}: {len(t)} requests, p50 {t[len(t) // 2] * 1000:.1f} ms, p99 {t[len(t) * 99 // 100] * 1000:.1f} ms, worst {t[-1] * 1000:.1f} ms")
    print(f"# {there:.0f} connections at the end of it, {crowd.vanished} clients vanished, {crowd.refused} bytes came to closed ones")
    return before, most, memory_kb()


def hoard(tap):
    """Without any right: what is sent and never ended, what is asked for and never read, until the daemon has 64 MiB of it.
    Whoever wants something then is served."""
    faults, socks, status, before = [], [], {}, memory_kb()
    for i in range(600):
        s = socket.socket(socket.AF_UNIX if i % 2 else socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.settimeout(0.5)
        s.connect(SOCKET if i % 2 else ("127.0.0.1", PORT))
        try:
            if i % 8 == 0:
                s.sendall(b"POST /v1/tickets HTTP/1.1\r\nHost: turno\r\nContent-Length: 1048576\r\n\r\n" + b" " * 1048000)
            else:
                s.sendall(request("GET", "/metrics") * 60)
        except OSError:
            pass  # it was too much
        s.setblocking(False)
        socks.append(s)
        if i % 50 == 49:
            for how in ("unix", "tcp"):
                c = Raw(how)
                for step in (0, 20):
                    c.send(request("GET", "/v1/whoami", "acme"), step)
                    try:
                        got = c.reply()[0]
                    except Closed:
                        got = "closed"
                    status[got] = status.get(got, 0) + 1
                    if got != 200:
                        faults.append(f"behind {i + 1} hoarders a good client ({how}) got {got}")
                        break
                c.close()
    most = memory_kb()
    for s in socks:
        s.close()
    if not until(lambda: figure("turno_http_connections") == 1, 20):
        faults.append("connections are left")
    tap.ok("a good client is served among 600 who send without end and do not read", faults, len(socks))
    tap.ok("… who get no more than 64 MiB together, in heaps that are half empty at worst", [] if most < 2 * 65536 + before else [f"{most} kB"])
    print(f"# answers to the good client: {status}; resident memory {most} kB at the end of it, {memory_kb()} kB afterwards")


def main():
    tap = Tap()
    n, fresh = room(), memory_kb()
    first = one_round(tap, n, tap.ok)
    hoard(tap)
    second = one_round(tap, n, lambda sentence, faults, _: faults and tap.ok(sentence + ", again", faults))
    each = (first[1] - first[0]) * 1024 // n
    tap.ok(f"a connection costs less than {BYTES_EACH} bytes", [] if each < BYTES_EACH else [f"{each}"])
    tap.ok(f"two crowds leave no more behind than {LEFT_KB} kB", [] if max(first[2], second[2]) <= fresh + LEFT_KB else [f"{fresh}, then {first[2]}, {second[2]} kB"])
    tap.ok("the daemon is ready", [] if is_ready() else ["it is not"])
    tap.table()
    print(f"# resident memory: {fresh} kB before; {first[1]} kB in a crowd of {n}, {first[2]} kB after it; again {second[1]} kB and {second[2]} kB")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
