# SPDX-License-Identifier: MIT
"""More than the database takes, for a long time: overload.py [--seconds N]. A daemon whose database is slow (a proxy delays
it) gets requests from clients that do not care for its 503s. Its queues must stay bounded, its memory must not grow, health
must be answered all the while, each 503 must say when to come again, and when the database is itself again so is the
service, at once. What was acknowledged is counted in the end. tests/torture/run --overload starts it."""
import argparse
import asyncio
import collections
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

from pair import SETTINGS, Node, programs, until
from torture import HERE, TOP, Daemon, on_term

QUEUE_MAX = 2000
SINGLES, ARRAYS, EACH = 800, 40, 100


def arguments():
    p = argparse.ArgumentParser(prog="tests/torture/run --overload")
    p.add_argument("--seconds", type=float, default=600)
    p.add_argument("--calm", type=float, default=5, help="seconds of measuring before and after")
    return p.parse_args()


class Bench:
    def __init__(self, args):
        self.args = args
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="to.", dir=os.environ.get("TMPDIR", "/tmp")))
        self.build = pathlib.Path(os.environ.get("TURNO_BUILD", TOP / "build" / "release"))
        self.log = open(self.dir / "log", "ab")
        self.node = Node(self.dir, "a", "b")
        self.daemon = Daemon(self, "d1", ["-o", f"database.conninfo=host={self.dir}/p/a dbname=turno user=postgres", "-o",
                                          f"database.queue_max={QUEUE_MAX}", "-o", "limits.deadline=15s"])
        self.counts = collections.Counter()
        self.wrong = []
        self.network = None

    def set_up(self):
        subprocess.run([programs() / "initdb", "-D", self.node.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-N"],
                       check=True, capture_output=True)
        with open(self.node.data / "postgresql.conf", "a", encoding="utf-8") as f:
            f.write(SETTINGS)
        self.node.start()
        until(lambda: self.node.sql("create database turno") == "")
        (self.dir / "desk.conf").write_text('departments = ( { name = "desk"; title = "desk"; members = ["somebody"]; queues = ( {'
                                            ' name = "desk"; title = "desk"; } ); } );\ndefault_queue = "desk";\n')
        self.network = subprocess.Popen([sys.executable, "-B", HERE / "proxy.py", "1", json.dumps(
            [["db", f"{self.dir}/p/a/.s.PGSQL.5432", f"{self.node.sock}/.s.PGSQL.5432"]])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1)
        self.network.stdout.readline()
        self.daemon.start()
        until(lambda: self.daemon.ask("/readyz")[0] == 200)

    def proxy(self, line):
        self.network.stdin.write(line + "\n")
        return self.network.stdout.readline()

    # ---- clients -----------------------------------------------------------------------------------------------------------

    async def once(self, streams, path, body):
        """Status, headers and body, on a connection that is kept."""
        if streams[0] is None:
            streams[:] = await asyncio.open_unix_connection(str(self.daemon.socket), limit=1 << 20)
        reader, writer = streams
        text = body.encode() if body else b""
        method = "POST" if body else "GET"
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
                     f"Idempotency-Key: {uuid.uuid4()}\r\n\r\n".encode() + text)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        return int(head[9:12]), head, await reader.readexactly(length)

    async def client(self, n, phase):
        streams = [None, None]
        item = {"subject": "a request", "body": "some words " * 20}
        while phase["on"]:
            body = json.dumps([item] * n if n > 1 else item)
            try:
                status, head, answer = await self.once(streams, "/v1/tickets", body)
            except (OSError, EOFError, asyncio.IncompleteReadError):
                streams = [None, None]
                self.counts["broken"] += 1
                continue
            self.counts[status] += 1
            if status in (200, 201):
                stored = 1 if n == 1 else sum("ticket" in t for t in json.loads(answer)["tickets"])
                self.counts["stored"] += stored
                phase["stored"].append((time.monotonic(), stored))
                self.counts["busy items"] += (n - stored)
                if stored == 0:
                    self.wrong.append("nothing of a call was stored, and it was answered with 200")
            elif status == 503:
                if "retry-after:" not in head:
                    self.wrong.append("a 503 without Retry-After")
                await asyncio.sleep(0.25)  # sooner than it was asked to
            elif status != 504:
                self.wrong.append(f"status {status}: {answer[:100]!r}")
        if streams[1] is not None:
            streams[1].close()

    async def load(self, seconds, singles, arrays, watch=None):
        """Items stored, with their times."""
        phase = {"on": True, "stored": []}
        tasks = [asyncio.create_task(self.client(1, phase)) for _ in range(singles)]
        tasks += [asyncio.create_task(self.client(EACH, phase)) for _ in range(arrays)]
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            await asyncio.sleep(0.5)
            if watch is not None:
                await watch(time.monotonic() - began)
        phase["on"] = False
        done = asyncio.gather(*tasks)
        await done
        return [(at - began, n) for at, n in phase["stored"]]

    async def run(self):
        args, samples = self.args, []
        health = [None, None]

        async def watch(at):
            asked = time.monotonic()
            await self.once(health, "/healthz", None)
            took = time.monotonic() - asked
            _, _, text = await self.once(health, "/metrics", None)
            queued = sum(float(line.split()[-1]) for line in text.decode().splitlines()
                         if line.startswith(("turno_database_queued_items ", "turno_database_queued_statements ")))
            samples.append((at, self.daemon.rss(), took, queued))

        calm = await self.load(args.calm, 64, 0)
        before = sum(n for _, n in calm) / args.calm
        self.counts.clear()
        self.proxy(f"delay db 100 {args.seconds + 60}")
        await self.load(args.seconds, SINGLES, ARRAYS, watch)
        busy = dict(self.counts)
        self.proxy("heal all")
        again = await self.load(args.calm, 64, 0)
        return before, samples, busy, again

    def judge(self, before, samples, busy, again):
        seconds = self.args.seconds
        early = max(r for at, r, _, _ in samples if at <= max(seconds / 10, 5))
        late = max(r for at, r, _, _ in samples if at > seconds / 2)
        first = sum(n for at, n in again if at < 1)
        after = sum(n for at, n in again if at < self.args.calm) / self.args.calm
        health = sorted(t for _, _, t, _ in samples)
        queued = max(q for _, _, _, q in samples)
        print(f"# before: {before:.0f} requests a second by 64 clients")
        print(f"# {seconds:.0f} s with a database that answers after 100 ms, {SINGLES} clients with one and {ARRAYS} with {EACH} requests a call: "
              + ", ".join(f"{k}: {v}" for k, v in sorted(busy.items(), key=str)))
        print(f"# memory: {early / 1024:.1f} MB at most in the first tenth, {late / 1024:.1f} MB in the second half; waiting at most {queued:.0f} "
              f"of {QUEUE_MAX}; /healthz: median {health[len(health) // 2] * 1000:.1f} ms, slowest {health[-1] * 1000:.0f} ms")
        print(f"# after: {first} requests in the first second, {after:.0f} a second on average")
        if late > early * 1.1 + 1024:
            self.wrong.append(f"memory grew from {early} to {late} KB")
        if queued > QUEUE_MAX:
            self.wrong.append(f"{queued} wait, more than {QUEUE_MAX}")
        if not busy.get(503):
            self.wrong.append("nobody was told 503: that was no overload")
        if health[len(health) * 9 // 10] > 2:  # the clients of this program have their share in it
            self.wrong.append("/healthz took more than two seconds, more than once in ten")
        if first < after / 3:  # (before was too long ago to tell what the machine can do now)
            self.wrong.append("it did not come back at once")

    def end(self):
        for p in (self.daemon.process, self.network):
            if p is not None and p.poll() is None:
                p.terminate()
                p.wait(30)
        self.node.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def main():
    args = arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    bench = Bench(args)
    signal.signal(signal.SIGTERM, on_term)
    try:
        bench.set_up()
        bench.judge(*asyncio.run(bench.run()))
        stored = int(bench.node.sql("select count(*) from turno.ticket", db="turno"))
        print(f"# tickets in the database: {stored}")
    finally:
        bench.end()
    wrong = sorted(set(bench.wrong))
    print(f"{'not ok' if wrong else 'ok'} 1 - overload is refused, costs no memory, and leaves nothing behind")
    for w in wrong[:20]:
        print(f"# {w}")
    print("1..1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
