# SPDX-License-Identifier: MIT
"""Some people, a thread each, in one process that may be killed: people.py RUN SITE. Customers hand in, repeat themselves and
answer; agents take, work, hand over, come too late and use old epochs; leads give and set. What they must be told whatever
happens stands in tests/torture/ledger.sql; what only they can see they write as `wrong`."""
import json
import os
import pathlib
import sys
import threading
import time
import traceback
import uuid

from person import TICKETS, UNSURE, Person

run, site = pathlib.Path(sys.argv[1]), sys.argv[2]
conf = json.loads((run / "conf.json").read_text())
PACE = 1.0 / conf["rate"]


def words(me):
    return {"subject": f"{me.name} asks {uuid.uuid4()}", "body": "some words " * me.chance.randrange(1, 30),
            "to": me.chance.choice(conf["queues"])}


# ---- customers -----------------------------------------------------------------------------------------------------------


def hand_in(me, told):
    if me.chance.random() < 0.12:
        body = [words(me) for _ in range(me.chance.choice((2, 5, 40)))]
        # what an array says goes into the ledger whole: short words
        for b in body:
            b["body"] = ""
    else:
        body = words(me)
    key = str(uuid.uuid4())
    tickets = me.submit(body, key)
    if tickets and None not in tickets:
        told.append((key, body, tickets))
        del told[:-200]


def repeat(me, told):
    """The same key again, now or at both daemons at once: the same tickets."""
    key, body, tickets = me.chance.choice(told)
    said = me.call("POST", TICKETS, body, key)
    again = me.submitted(body, key, said, "repeat")
    if again is not None and [t for t in again if t is not None and t not in tickets]:
        me.write("wrong", TICKETS, key, detail=f"first {tickets}, repeated {again}")
    if again is None and said[0] not in UNSURE:
        me.write("wrong", TICKETS, key, detail=f"first {tickets}, repeated {said[0]} {said[1].get('code')}")


def twice(me):
    """One key at both daemons at the same time."""
    body, key, said = words(me), str(uuid.uuid4()), []
    me.write("try", TICKETS, key, detail=json.dumps(body))
    others = [Person(run, me.name, me.token, f"{key} {i}") for i in range(2)]

    def ask(other, at):
        other.at = at % len(other.fronts)
        said.append(other.submitted(body, key, other.call("POST", TICKETS, body, key)))

    threads = [threading.Thread(target=ask, args=(o, i)) for i, o in enumerate(others)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tickets = {t for found in said if found for t in found}
    if len(tickets) > 1:
        me.write("wrong", TICKETS, key, detail=f"one key, tickets {sorted(tickets)}")
    for o in others:
        o.close()


def other_words(me, told):
    """A key for something else than it was used for."""
    key, _, tickets = me.chance.choice(told)
    status, answer, _, _ = me.call("POST", TICKETS, {"subject": "something else"}, key, seconds=30)
    if status in (200, 201):
        me.write("wrong", TICKETS, key, detail=f"used for {tickets}, and for something else: {answer}")


def in_passing(me):
    """Without a key, and asked only once: whatever fails meanwhile, it is not refused."""
    subject = f"in passing {uuid.uuid4()}"
    status, answer = me.once("POST", TICKETS, json.dumps({"subject": subject}))
    if status in (200, 201):
        me.write("told", TICKETS, ticket=answer["ticket"], detail=subject)
    elif status not in UNSURE:
        me.write("wrong", TICKETS, detail=f"asked without a key: {status} {answer.get('code')} {answer.get('detail')}")


def look(me):
    """What waits for the customer is answered; some of what is resolved is opened again, or rated."""
    for t in me.get("/v1/tickets?asked=1&state=parked,resolved&limit=200").get("tickets", []):
        if t["state"] == "parked" and t["park"] == "customer":
            me.act(t["ticket"], "message", body="Here is what you asked for.")
        elif me.draining() or me.stopped():
            continue
        elif t["state"] == "resolved" and me.chance.random() < 0.05:
            me.act(t["ticket"], me.chance.choice(("message", "thank", "reopen")), body="It is not yet as it should be.")
        elif t["state"] == "resolved" and me.chance.random() < 0.05:
            me.act(t["ticket"], "rate", score=3)
        elif t["state"] == "parked" and me.chance.random() < 0.02:
            me.act(t["ticket"], "cancel")


def crowded(me):
    return sum(q["waiting"] or 0 for q in me.get("/v1/queues").get("queues", [])) > conf["crowd"]


def customer(me):
    told, look_at, crowd_at, full = [], 0.0, 0.0, False
    for key, body in me.unfinished():
        me.submitted(body, key, me.call("POST", TICKETS, body, key))
    while not me.stopped():
        now = time.monotonic()
        if now >= look_at:
            look(me)
            look_at = now + 1
        if me.draining():
            time.sleep(0.2)
            continue
        if now >= crowd_at:
            full, crowd_at = crowded(me), now + 2
        dice = me.chance.random()
        if told and dice < 0.12:
            repeat(me, told)
        elif told and dice < 0.15:
            other_words(me, told)
        elif dice < 0.2:
            twice(me)
        elif dice < 0.3 and not full:
            in_passing(me)
        elif not full:
            hand_in(me, told)
        time.sleep(me.chance.uniform(0, 2) * PACE)


# ---- agents ----------------------------------------------------------------------------------------------------------------


def get_one(me):
    dice = me.chance.random()
    if dice < 0.45:
        key = str(uuid.uuid4())
        t = me.next(key)
        if t and me.chance.random() < 0.1:
            status, u, tries, began = me.call("POST", "/v1/next", {}, key, seconds=30)
            if status == 200:
                me.claimed(u, key, tries, began, again=True)
                if u["ticket"] != t["ticket"] or u["epoch"] != t["epoch"]:
                    me.write("wrong", "/v1/next", key, detail=f"brought {t['ticket']}:{t['epoch']}, then {u['ticket']}:{u['epoch']}")
    elif dice < 0.75 or me.draining():
        t = me.next()
    else:
        t = me.next_wait(2)
    if t is None or me.chance.random() < 0.05:
        held = me.get("/v1/whoami").get("holding", [])
        if held and t is None:
            t = held[0]
    return t


def too_late(me, number, epoch):
    """An epoch that is over: whatever the ticket is now, this must be refused."""
    if me.chance.random() < 0.5:
        me.act(number, "take")  # the next epoch is mine, and the old one still no good
    verb = me.chance.choice(("resolve", "touch", "reply"))
    if me.act(number, verb, epoch=epoch, **({} if verb == "touch" else {"body": "too late"})):
        me.write("wrong", f"{TICKETS}/{number}", detail=f"{me.name} came too late with epoch {epoch} and was served")


def work(me, t):
    number = t["ticket"]
    full = me.get(f"/v1/tickets/{number}")
    if full.get("agent") != me.name:
        return
    epoch, seen = full["epoch"], full["seen"]
    if full["state"] == "offered" and not me.act(number, "accept", epoch=epoch):
        return
    dice = 0.3 if me.draining() else me.chance.random()
    key = str(uuid.uuid4())
    if dice < 0.1:
        done = me.act(number, "keep", epoch=epoch, seen=seen, body="We look into it.") and \
            me.act(number, "resolve", key, epoch=epoch, seen=seen + 1, body="Done.")
    elif dice < 0.5:
        done = me.act(number, "resolve", key, epoch=epoch, seen=seen, body="Done.")
        if not done:
            me.act(number, "park-child", epoch=epoch)  # others block it
    elif dice < 0.6:
        done = me.act(number, "reply", key, epoch=epoch, seen=seen, body="What is your order number?")
    elif dice < 0.68:
        done = me.act(number, "park-until", key, epoch=epoch, until="1s", reason="it is being built")
    elif dice < 0.72:
        done = me.act(number, "park-vendor", key, epoch=epoch, until="1s", vendor="Acme")
    elif dice < 0.8:
        others = [q for q in conf["queues"] if q != full["queue"]]
        done = me.act(number, "pass", key, epoch=epoch, queue=me.chance.choice(others), body="please go on")
    elif dice < 0.84:
        me.submit({"subject": f"for {number}: your part", "to": me.chance.choice(conf["queues"]), "blocks": number, "epoch": epoch},
                  verb="ask")
        return
    elif dice < 0.88:
        done = me.act(number, me.chance.choice(("decline", "spam")), key, epoch=epoch, seen=seen)
    elif dice < 0.9:
        me.act(number, "note", body="seen, and forgotten: the clock takes it back")
        return
    else:
        done = me.act(number, "release", key, epoch=epoch)
    if done and dice >= 0.9 and me.chance.random() < 0.3:
        again = me.act(number, "release", key, epoch=epoch)
        if again is not None and not again.get("repeated"):
            me.write("wrong", f"{TICKETS}/{number}", key, detail="a verb was done twice by one key")
    if done and me.chance.random() < 0.3:
        too_late(me, number, epoch)


def agent(me):
    while not me.stopped():
        t = get_one(me)
        if t:
            work(me, t)
        time.sleep(me.chance.uniform(0, 1) * PACE if t else 0.1)


# ---- leads -----------------------------------------------------------------------------------------------------------------


def lead(me):
    while not me.stopped():
        if not me.draining():
            found = me.get("/v1/tickets?state=queued,held,parked&limit=50").get("tickets", [])
            for t in me.chance.sample(found, min(3, len(found))):
                n = t["ticket"]
                dice = me.chance.random()
                held = {"epoch": t["epoch"]} if t["state"] == "held" else {}
                if dice < 0.4:
                    me.act(n, "give", agent=me.chance.choice(conf["agents"]), **held)
                elif dice < 0.7:
                    me.act(n, "set-priority", priority=me.chance.choice(("urgent", "high", "normal", "low")))
                elif dice < 0.8:
                    me.act(n, "set-tags", tags=["looked-at"])
                elif held:
                    me.act(n, "release", epoch=t["epoch"])
        time.sleep(0.5)  # a person's pace between looks


def live(role, me):
    """A mistake of this program must not pass for a quiet person."""
    try:
        {"customer": customer, "agent": agent, "lead": lead}[role](me)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        me.write("fault", detail=f"the client itself: {traceback.format_exc()[-300:]}")
        os._exit(3)


def main():
    threads = []
    for p in conf["sites"][site]:
        me = Person(run, p["name"], conf["tokens"][p["name"]], conf["seed"])
        threads.append(threading.Thread(target=live, args=(p["role"], me)))
        threads[-1].start()
    for t in threads:
        t.join()


if __name__ == "__main__":
    main()
