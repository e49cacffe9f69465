# SPDX-License-Identifier: MIT
"""Raw connections to a turnod, and what a test wants to know of it from outside. The place is in the environment:

    SOCKET  its Unix socket       PORT  its TCP port on loopback      PID  its process
    CONNINFO  its database        TOKENS  JSON: name -> secret        CASES  numbers of test cases already told"""
import json
import os
import re
import resource
import socket
import struct
import subprocess
import time

SOCKET, PORT, PID = os.environ["SOCKET"], int(os.environ["PORT"]), int(os.environ["PID"])
TOKENS = json.loads(os.environ["TOKENS"])
PATIENCE = 10.0  # seconds until an answer that does not come is a failure


class Closed(Exception):
    """The daemon has closed the connection."""


class Raw:
    """One connection. Bytes out, replies in; nothing is made more beautiful on the way."""

    def __init__(self, how):
        self.how, self.buf = how, b""
        self.sock = socket.socket(socket.AF_UNIX if how == "unix" else socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(SOCKET if how == "unix" else ("127.0.0.1", PORT))
        if how == "tcp":
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data, step=0):
        """False when the daemon has had enough before all was sent: its reply tells why."""
        try:
            for at in range(0, len(data), step or len(data) or 1):
                self.sock.sendall(data[at:at + (step or len(data))])
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def more(self):
        try:
            got = self.sock.recv(262144)
        except ConnectionResetError:
            got = b""
        self.buf += got
        return bool(got)

    def reply(self, is_head=False):
        """Status, headers (lower case), body; of one reply, and of no byte more."""
        while b"\r\n\r\n" not in self.buf:
            if not self.more():
                raise Closed(self.buf[:80])
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode("ascii").split("\r\n")
        if not re.fullmatch(r"HTTP/1\.1 [1-5]\d\d [A-Za-z -]+", lines[0]):
            raise AssertionError(f"no status line: {lines[0]!r}")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        status = int(lines[0][9:12])
        n = 0 if is_head or status in (100, 204) else int(headers["content-length"])
        while len(self.buf) < n:
            if not self.more():
                raise Closed(self.buf[:80])
        body, self.buf = self.buf[:n], self.buf[n:]
        return status, headers, body

    def rest(self):
        """Whatever still comes until the daemon closes."""
        while self.more():
            pass
        return self.buf

    def end_sending(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def vanish(self):
        """Close such that the other side hears of it as a reset (TCP), or with unread input."""
        if self.how == "tcp":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def request(method, path, who=None, body=None, more="", version="1.1"):
    """The bytes of an ordinary request."""
    text = f"{method} {path} HTTP/{version}\r\nHost: turno\r\n{more}"
    if who:
        text += f"Authorization: Bearer {TOKENS.get(who, who)}\r\n"
    if body is None:
        return (text + "\r\n").encode()
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return (text + f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data


def call(method, path, who=None, body=None, more="", how="unix"):
    """One request on a connection of its own: status and document."""
    c = Raw(how)
    c.send(request(method, path, who, body, more))
    status, _, data = c.reply(method == "HEAD")
    c.close()
    return status, json.loads(data) if data[:1] in (b"{", b"[") else data.decode()


def figure(name):
    """A figure of /metrics."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", call("GET", "/metrics")[1], re.M)
    return float(found.group(1)) if found else None


def memory_kb():
    """Resident memory of the daemon."""
    with open(f"/proc/{PID}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * resource.getpagesize() // 1024


def is_ready():
    return call("GET", "/readyz")[0] == 200


def until(what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def stored():
    """A picture of what is stored. Two are equal when nothing was changed between them."""
    sql = """select (select count(*) from turno.ticket) || ' tickets, ' || (select count(*) from turno.message) || ' messages, '
        || (select count(*) from turno.event) || ' events, ' || (select count(*) from turno.span) || ' spans, '
        || (select count(*) from turno.token) || ' tokens, ' || (select coalesce(max(version), 0) from turno.desk) || ' desks, '
        || (select coalesce(sum(version), 0) from turno.live) || ' versions'"""
    return subprocess.run(["psql", "-XqAtc", sql, os.environ["CONNINFO"]], check=True, capture_output=True, text=True).stdout.strip()


class Tap:
    """Test cases, and the table at the end."""

    def __init__(self):
        self.n, self.failed, self.rows = int(os.environ.get("CASES", "0")), 0, []

    def ok(self, sentence, faults, tries=0):
        """faults: a list of what is wrong; empty is good."""
        self.n += 1
        self.failed += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {self.n} - {sentence}")
        for fault in faults[:12]:
            print(f"# {fault}")
        if tries:
            self.rows.append((sentence, tries, len(faults)))

    def table(self):
        width = max(len(row[0]) for row in self.rows)
        print(f"# {'attack'.ljust(width)}   tries  held")
        for sentence, tries, faults in self.rows:
            print(f"# {sentence.ljust(width)}  {tries:6d}  {'all' if not faults else f'NOT: {faults}'}")

    def done(self):
        print(f"1..{self.n}")
        return 1 if self.failed else 0
