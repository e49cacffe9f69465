# SPDX-License-Identifier: MIT
"""A client that asks until it is told, by any daemon, and forgets nothing: what it wants is in its ledger before it asks,
what it was told before it asks for anything else. A line of the ledger:

    WHAT  METHOD-PATH  NUMBER  INDEX  KEY  TICKET  EPOCH  VERB  REPEATED  TRIES  BEGAN  ENDED  DETAIL

BEGAN is the moment before the first try, ENDED the one after the answer (seconds of the machine's monotonic clock)."""
import http.client
import json
import os
import random
import socket
import sys
import threading
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
from client import Unix  # noqa: E402  (tests/replay/client.py)

TROUBLE = (OSError, http.client.HTTPException, ValueError)
UNSURE = (0, 500, 503, 504)  # no answer, or one that may change
TICKETS = "/v1/tickets"


def pattern(path):
    """The route's path and its number, as the daemon hashes them."""
    part = path.split("/")
    if len(part) >= 5 and part[2] == "tickets" and part[3].isdigit():
        return "/".join(part[:3] + ["{id}"] + part[4:]), int(part[3])
    return path, 0


class Person:
    def __init__(self, run, name, token, seed):
        self.run, self.name, self.token = run, name, token
        self.fronts = [str(run / "p" / d) for d in ("d1", "d2") if (run / "p" / d).exists()]
        self.chance = random.Random(f"{seed} {name} {os.getpid()}")
        self.at = self.chance.randrange(len(self.fronts))
        self.conn = None
        self.ledger = os.open(run / "ledger" / f"{name}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.mutex = threading.Lock()

    def write(self, what, path="", key="", index=0, ticket="", epoch="", verb="", repeated=0, tries=1, began=0.0, detail=""):
        route, number = pattern(path)
        text = "\t".join(str(x) for x in (what, route, number, index, key, ticket, epoch, verb, int(repeated), tries, f"{began:.6f}",
                                          f"{time.monotonic():.6f}", str(detail).replace("\t", " ").replace("\n", " ")[:8000]))
        os.write(self.ledger, text.encode() + b"\n")

    def close(self):
        os.close(self.ledger)
        if self.conn is not None:
            self.conn.close()

    def stopped(self):
        return (self.run / "stop").exists()

    def draining(self):
        return (self.run / "drain").exists()

    def send(self, conn, method, path, body, key):
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        conn.request(method, path, body, headers)
        return conn.getresponse()

    def once(self, method, path, body=None, key=None):
        """Status (0: no answer) and answer, from the daemon it is connected to."""
        try:
            if self.conn is None:
                self.conn = Unix(self.fronts[self.at], 12)
            r = self.send(self.conn, method, path, body, key)
            data = r.read()
            answer = json.loads(data) if data else {}
            if r.status == 500:
                self.write("fault", path, key or "", detail=f"{answer.get('detail')}")
            if r.status == 503 and not r.getheader("Retry-After"):
                self.write("fault", path, key or "", detail="503 without Retry-After")
            return r.status, answer
        except TROUBLE:
            self.conn = None
            self.at = (self.at + 1) % len(self.fronts)
            return 0, {}

    def call(self, method, path, body=None, key=None, seconds=90):
        """Asked until it is answered: status, answer, tries and when it began."""
        text = json.dumps(body) if body is not None else None
        began, wait, tries = time.monotonic(), 0.02, 0
        while True:
            tries += 1
            status, answer = self.once(method, path, text, key)
            if status not in UNSURE or time.monotonic() - began > seconds:
                return status, answer, tries, began
            time.sleep(wait)  # back off; the condition waited for is the answer itself
            wait = min(wait * 1.5, 0.5)
            if tries % 3 == 0:
                self.conn, self.at = None, (self.at + 1) % len(self.fronts)

    def get(self, path):
        status, answer, _, _ = self.call("GET", path, seconds=30)
        return answer if status == 200 else {}

    # ---- what is written -----------------------------------------------------------------------------------------------

    def submit(self, body, key=None, verb="submit"):
        """One request, or an array of them. The tickets (None: refused), or None without an answer."""
        key = key or str(uuid.uuid4())
        self.write("try", TICKETS, key, detail=json.dumps(body))
        return self.submitted(body, key, self.call("POST", TICKETS, body, key), verb)

    def submitted(self, body, key, said, verb="submit"):
        status, answer, tries, began = said
        many = isinstance(body, list)
        if status not in (200, 201):
            self.write("refused" if status else "unknown", TICKETS, key, verb=verb, tries=tries, began=began,
                       detail=f"{status} {answer.get('code')} {answer.get('detail')}")
            return None
        found = []
        for i, t in enumerate(answer["tickets"] if many else [answer]):
            found.append(t.get("ticket"))
            if "ticket" in t:
                self.write("submitted", TICKETS, key, index=i, ticket=t["ticket"], verb=verb, repeated=t.get("repeated", False),
                           tries=tries, began=began)
            elif t["error"]["code"] not in ("busy", "database", "stopping", "deadline", "unknown"):
                self.write("refused", TICKETS, key, index=i, verb=verb, tries=tries, began=began,
                           detail=f"200 {t['error']['code']} {t['error']['detail']}")
        return found

    def act(self, ticket, verb, key=None, **members):
        """The answer, or None when it was refused: the ticket has moved on."""
        key = key or str(uuid.uuid4())
        path = f"/v1/tickets/{ticket}/{verb}"
        status, answer, tries, began = self.call("POST", path, members, key)
        if status in (200, 201):
            self.write("acted", path, key, ticket=answer.get("ticket", ticket), epoch=members.get("epoch", ""), verb=verb,
                       repeated=answer.get("repeated", False), tries=tries, began=began)
            return answer
        self.write("refused" if status else "unknown", path, key, ticket=ticket, epoch=members.get("epoch", ""), verb=verb, tries=tries,
                   began=began, detail=f"{status} {answer.get('code')} {answer.get('detail')}")
        return None

    def claimed(self, t, key, tries, began, again=False):
        self.write("claimed", "/v1/next", key or "", ticket=t["ticket"], epoch=t["epoch"], verb=t["state"], repeated=again, tries=tries,
                   began=began)
        return t

    def next(self, key=None):
        """A ticket, or None. Without a key it is asked once only: a lost answer is found among what one holds."""
        began = time.monotonic()
        if key:
            status, t, tries, began = self.call("POST", "/v1/next", {}, key, seconds=30)
        else:
            status, t = self.once("POST", "/v1/next", "{}")
            tries = 1
        return self.claimed(t, key, tries, began) if status == 200 else None

    def next_wait(self, seconds):
        """On a stream: what is offered, not accepted yet."""
        began = time.monotonic()
        conn = Unix(self.fronts[self.at], seconds + 10)
        try:
            r = self.send(conn, "POST", "/v1/next", json.dumps({"wait": seconds}), None)
            if r.status != 200:
                r.read()
                return None
            event = ""
            for line in r:
                if line.startswith(b"event: "):
                    event = line[7:].strip()
                elif line.startswith(b"data: ") and event == b"offer":
                    t = self.claimed(json.loads(line[6:]), None, 1, began)
                    return t if self.act(t["ticket"], "accept", epoch=t["epoch"]) else None
                elif line.startswith(b"data: ") and event == b"end":
                    return None
        except TROUBLE:
            self.at = (self.at + 1) % len(self.fronts)
        finally:
            conn.close()
        return None

    # ---- after a death ---------------------------------------------------------------------------------------------------

    def unfinished(self):
        """What earlier lives tried to hand in and were never told of: (key, body), each once."""
        tried, told = {}, set()
        for f in (self.run / "ledger").glob(f"{self.name}.*"):
            for line in f.read_text(errors="replace").split("\n")[:-1]:
                x = line.split("\t")
                if x[0] == "try":
                    tried[x[4]] = x[12]
                elif x[1] == TICKETS and x[0] in ("submitted", "refused"):
                    told.add(x[4])
        for key, text in tried.items():
            if key not in told:
                try:
                    yield key, json.loads(text)
                except ValueError:
                    continue  # it was too long for the ledger
