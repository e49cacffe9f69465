# SPDX-License-Identifier: MIT
"""A client of the API that never forgets: every acknowledgement is on disk before its next request, and an answer that did
not come is asked for again with the same Idempotency-Key until it does."""
import http.client
import json
import os
import socket
import subprocess
import time
import uuid


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("turno", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    def __init__(self, run, name, token):
        self.path, self.name, self.token = str(run / "s"), name, token
        self.stop = run / "stop"
        self.ledger = os.open(run / "ledger" / f"{name}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.conn = None
        self.outage = 0.0

    def write(self, *fields):
        os.write(self.ledger, ("\t".join(str(f) for f in fields) + "\n").encode())

    def once(self, method, path, body, key):
        if self.conn is None:
            self.conn = Unix(self.path, 20)
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        self.conn.request(method, path, json.dumps(body) if body is not None else None, headers)
        r = self.conn.getresponse()
        data = r.read()
        return r.status, json.loads(data) if data else {}

    def call(self, method, path, body=None, key=None):
        """Status and answer. Trouble (no connection, 503, 504, a half answer) is tried again for two minutes."""
        began = time.monotonic()
        wait = 0.02
        while True:
            try:
                status, answer = self.once(method, path, body, key)
                if status not in (500, 503, 504):
                    break
            except (OSError, http.client.HTTPException, ValueError):
                self.conn = None
                status, answer = 0, {}
            if time.monotonic() - began > 120:
                break
            time.sleep(wait)  # back off; the condition waited for is the answer itself
            wait = min(wait * 1.5, 0.5)
        took = time.monotonic() - began
        if took > self.outage:
            self.outage = took
            self.write("outage", f"{took:.3f}")
        return status, answer

    def submit(self, what, body):
        key = str(uuid.uuid4())
        self.write("try", key, what)
        status, answer = self.call("POST", "/v1/tickets", body, key)
        if status in (200, 201):
            self.write("submitted", key, answer["ticket"], what, int(answer.get("repeated", False)))
            return answer["ticket"]
        self.write("refused", key, status, answer.get("detail"), what)
        return None

    def act(self, ticket, verb, **members):
        """True when done. A refusal is an answer too: the ticket has moved on."""
        key = str(uuid.uuid4())
        status, answer = self.call("POST", f"/v1/tickets/{ticket}/{verb}", members, key)
        if status in (200, 201):
            self.write("acted", key, answer.get("ticket", ticket), verb, int(answer.get("repeated", False)),
                       answer.get("version", 0))
            return answer
        self.write("refused", key, status, answer.get("detail"), f"{verb} {ticket}")
        return None

    def stopped(self):
        return self.stop.exists()

    def cli(self, *args):
        """turno itself: status and, when it succeeded, its JSON."""
        env = dict(os.environ, TURNO_URL=f"unix://{self.path}", TURNO_TOKEN=self.token)
        done = subprocess.run([os.environ["TURNO_CLI"], *args, "--json"], env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        try:
            return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}
        except ValueError:
            return done.returncode, {}
