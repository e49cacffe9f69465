# SPDX-License-Identifier: MIT
"""The people of a live run, a process each: people.py customer|agent|stranger RUN NAME. They know the plan; how far a ticket
has come they read from the ticket, so that any of them may die at any moment and another goes on."""
import json
import pathlib
import random
import re
import sys
import time

from client import Client

run = pathlib.Path(sys.argv[2])
name = sys.argv[3]
conf = json.loads((run / "conf.json").read_text())
me = Client(run, name, conf["tokens"][name])
chance = random.Random(f"{conf['seed']} {name}")
MARK = re.compile(r"^\[c(\d+)\]")
DONE = {"pass": "pass", "ask": "park-child", "customer": "reply", "vendor": "park-vendor", "until": "park-until"}


def plan_of(subject):
    m = MARK.match(subject)
    return conf["plans"][int(m.group(1))] if m else None


# ---- customers ---------------------------------------------------------------------------------------------------------


def customer():
    mine = [p for p in conf["plans"] if p["by"] == name]
    begun = conf["begin"]
    tickets, reopened, cancelled, rated = {}, set(), set(), set()
    todo = list(mine)
    while not me.stopped():
        while todo and time.time() >= begun + todo[0]["at"]:
            p = todo.pop(0)
            t = me.submit(f"c{p['number']}", {"subject": f"[c{p['number']}] {p['subject']}", "body": p["body"],
                                              "lang": p["lang"], "to": p["to"]})
            if t:
                tickets[t] = p
        if not todo:
            (run / f"handed-in.{name}").touch()
        status, answer = me.call("GET", "/v1/tickets?asked=1&state=parked,resolved&limit=500")
        for t in answer.get("tickets", []) if status == 200 else []:
            p = tickets.get(t["ticket"])
            if p is None:
                continue
            if t["state"] == "parked" and t["park"] == "customer":
                me.act(t["ticket"], "message", body="Here is what you asked for.")
            elif t["state"] == "parked" and p["cancel"] and t["ticket"] not in cancelled:
                cancelled.add(t["ticket"])
                me.act(t["ticket"], "cancel")
            elif t["state"] == "resolved" and p["reopen"] and t["ticket"] not in reopened:
                reopened.add(t["ticket"])
                me.act(t["ticket"], "message", body="It is not yet as it should be.")
            elif t["state"] == "resolved" and t["ticket"] not in rated and t["ticket"] not in reopened:
                rated.add(t["ticket"])
                if t["ticket"] % 3 == 0:
                    me.act(t["ticket"], "rate", score=1 + t["ticket"] % 5)
        time.sleep(0.3)  # a person's pace between looks


# ---- agents --------------------------------------------------------------------------------------------------------------


def next_ticket():
    if conf["cli"].get(name):
        status, t = me.cli("next", "--wait", "2s")
        return t if status == 0 and t.get("ticket") else None
    # no key: whoever loses an answer finds the ticket among what it holds
    try:
        status, t = me.once("POST", "/v1/next", {}, None)
    except (OSError, ValueError, me_errors):
        me.conn = None
        status, t = 0, {}
    if status == 200:
        return t
    status, who = me.call("GET", "/v1/whoami")
    held = who.get("holding", []) if status == 200 else []
    if held:
        return held[0]
    time.sleep(0.1)
    return None


def work(t):
    number = t["ticket"]
    status, full = me.call("GET", f"/v1/tickets/{number}?events=1")
    if status != 200 or full.get("agent") != name:
        return
    epoch, seen = full["epoch"], full["seen"]
    if full["state"] == "offered":
        me.act(number, "accept", epoch=epoch)
    p = plan_of(full["subject"])
    done = sum(1 for e in full.get("events", []) if e["verb"] in DONE.values())
    step = p["steps"][done] if p and done < len(p["steps"]) else None
    if chance.random() < 0.1:
        me.act(number, "note", body="looked into it")
    if step is None:
        if conf["cli"].get(name):
            status, _ = me.cli("resolve", str(number), "-m", "Done. Regards.")
            if status == 0:
                me.write("cli", number, "resolve")
        else:
            me.act(number, "resolve", epoch=epoch, seen=seen, body="Done. Regards.")
    elif step[0] == "pass":
        if conf["cli"].get(name):
            status, _ = me.cli("pass", str(number), step[1], "please go on")
            if status == 0:
                me.write("cli", number, "pass")
        else:
            me.act(number, "pass", epoch=epoch, queue=step[1], body="please go on")
    elif step[0] == "ask":
        me.submit(f"child of {number}", {"subject": f"for [{number}]: your part of it", "to": step[1], "blocks": number,
                                         "epoch": epoch})
    elif step[0] == "customer":
        if conf["cli"].get(name):
            status, _ = me.cli("reply", str(number), "-m", "What is your order number?")
            if status == 0:
                me.write("cli", number, "reply")
        else:
            me.act(number, "reply", epoch=epoch, seen=seen, body="What is your order number?")
    else:
        moment = "1s"
        if step[0] == "vendor":
            me.act(number, "park-vendor", epoch=epoch, vendor="Acme", until=moment)
        else:
            me.act(number, "park-until", epoch=epoch, until=moment, reason="it is being built")


def agent():
    while not me.stopped():
        t = next_ticket()
        if t:
            work(t)


# ---- a stranger: whatever it can see must hold nothing of the private queue -------------------------------------------------


def stranger():
    while not me.stopped():
        for path in ("/v1/tickets?limit=500&state=queued,held,parked,resolved,closed", "/v1/tickets?q=SECRET", "/v1/feed?limit=500",
                     "/v1/queues", "/v1/stats/waits?by=queue", "/v1/stats/waits?by=agent", "/v1/tickets?queue=hr"):
            status, answer = me.call("GET", path)
            text = json.dumps(answer)
            if "SECRET" in text or '"hr"' in text:
                me.write("leaked", path, status, text[:200])
            me.write("looked", path, status)
        time.sleep(0.5)  # a person's pace between looks


if __name__ == "__main__":
    import http.client

    me_errors = http.client.HTTPException
    {"customer": customer, "agent": agent, "stranger": stranger}[sys.argv[1]]()
