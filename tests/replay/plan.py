# SPDX-License-Identifier: MIT
"""What happens in a live run: one case of the Volvo log a request, with the texts of the other two sets.

A case gives its place in the order of arrival, its changes of team (a hand-over each, or, every fourth, a request to that
department that blocks the ticket), its waits (for the user or customer: the agent asks and the customer answers; for a
vendor or an implementation: parked until a moment), whether it was reopened, and whether it was cancelled.
"""
import csv
import datetime
import gzip
import io
import zlib

DEPARTMENTS = ["frontdesk", "sales", "warehouse", "billing", "it"]
STEPS_MAX = 8  # the longest cases of the log have a hundred: cut


def rows(path):
    with gzip.open(path, "rb") as f:
        yield from csv.DictReader(io.TextIOWrapper(f, "utf-8-sig", newline=""))


def department(team):
    return DEPARTMENTS[zlib.crc32(team.encode()) % len(DEPARTMENTS)]


def cases(data, n):
    """The n cases that began last (the log is cut: the early months hold only the long-lived), in the order they began."""
    log = {}
    for r in rows(data / "volvo-incidents-2013" / "VINST-new.csv.gz"):
        log.setdefault(r["SR Number"], []).append(
            (datetime.datetime.fromisoformat(r["Change Date+Time"]), r["Activity"], r["Involved ST"]))
    # one instant may hold several events of a case: the log's own order decides, as it stands in the file
    found = sorted(log.values(), key=lambda events: events[0][0])[-n:]
    plans = []
    begun = found[0][0][0]
    at = 0.0
    last = begun
    for number, events in enumerate(found):
        at += min((events[0][0] - last).total_seconds(), 3600.0)  # nights and weekends are cut to an hour
        last = events[0][0]
        plans.append(plan(number, at, events))
    return plans


def plan(number, at, events):
    where = department(events[0][2])
    steps, handed, resolved, reopened = [], 0, False, False
    first = where
    for _, activity, team in events:
        there = department(team)
        if there != where and not resolved:
            handed += 1
            if handed % 4 == 0:
                steps.append(["ask", there])
            else:
                steps.append(["pass", there])
                where = there
        if activity.startswith("Accepted-Wait - ") and not resolved:
            kind = activity.removeprefix("Accepted-Wait - ")
            step = {"User": "customer", "Customer": "customer", "Vendor": "vendor"}.get(kind, "until")
            if not steps or steps[-1][0] != step:
                steps.append([step, ""])
        if activity == "Completed-Resolved":
            resolved = True
        elif resolved and activity.startswith(("Accepted", "Queued")):
            reopened = True
    return {"number": number, "at": at, "department": first, "steps": steps[:STEPS_MAX], "reopen": reopened,
            "cancel": events[-1][1] == "Completed-Cancelled"}


def texts(data, n):
    """n subjects and bodies: the IT tickets, and each of the 600 multilingual ones among them."""
    it = rows(data / "it-service-tickets-47k" / "all_tickets_processed_improved_v3.csv.gz")
    mails = list(rows(data / "multilang-tickets-600" / "helpdesk_customer_tickets.csv.gz"))
    step = max(1, n // len(mails))
    for i in range(n):
        if i % step == 0 and i // step < len(mails):
            m = mails[i // step]
            yield (m["subject"].strip() or "(no subject)")[:150], m["body"], m["language"]
        else:
            t = next(it)["Document"]
            yield t[:60], t, "en"
