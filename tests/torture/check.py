# SPDX-License-Identifier: MIT
"""The proof: ledgers, windows and the database held against each other."""
import hashlib
import pathlib
import uuid

HERE = pathlib.Path(__file__).resolve().parent
POST = 2  # enum method in daemon/http/route.h


def op_id(person, route, number, index, key):
    """What the daemon makes of an Idempotency-Key (daemon/desk/repeat.c): keys of one call differ in their last bits."""
    text = f"{person}\n{POST}\n{route}\n{number}\n0\n{key}"
    return str(uuid.UUID(int=int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big") ^ int(index)))


def lines(run):
    """All ledgers: name and fields. The last line of somebody killed may be torn."""
    for f in sorted((run.dir / "ledger").iterdir()):
        who = f.name.rsplit(".", 1)[0]
        for line in f.read_text(errors="replace").split("\n")[:-1]:
            x = line.split("\t")
            if len(x) == 13:
                yield who, x


def load(run):
    """The ledgers as a table: what a key came to in the database is known by its hash."""
    people = dict(line.split(" | ") for line in run.sql("select name, person_id from person").split("\n"))
    out = []
    for who, x in lines(run):
        what, route, number, index, key, ticket, epoch, verb, repeated, tries, began, ended, detail = x
        if what == "try":
            continue
        op = op_id(people[who], route, number, index, key) if key and who in people else r"\N"
        fields = [who, what, route, number, op, ticket, epoch, verb, repeated, tries, began, ended, detail.replace("\\", "")[:150]]
        out.append("\t".join(f if f != "" else r"\N" for f in fields))
    (run.dir / "ledger.tsv").write_text("\n".join(out) + "\n")
    return ("create temp table ledger (who text, what text, route text, number bigint, op_id uuid, ticket bigint, epoch int, verb text,"
            " repeated int, tries int, began float8, ended float8, detail text);\n"
            f"\\copy ledger from '{run.dir}/ledger.tsv'\n"
            "create index on ledger (ticket); create index on ledger (op_id); analyze ledger;\n")


def windows(run):
    """While a strict pair had no standby nothing may have been acknowledged that was asked after it was lost; and the daemons
    must have noticed."""
    wrong, noticed = [], 0
    for kind, began, ended in run.windows:
        if kind == "strict":
            for who, x in lines(run):
                if x[0] in ("submitted", "acted", "claimed") and x[8] == "0" and float(x[10]) > began and float(x[11]) < ended:
                    wrong.append(f"over-lost-standby | {who} was told of {x[7] or x[0]} {x[5]} at {float(x[11]) - run.started:.2f}, asked after "
                                 f"the standby was lost at {began - run.started:.2f}")
        seen = {level for at, _, level in run.samples if began + 6 < at < ended}
        if seen and seen <= {"replicated"}:
            wrong.append(f"level | /readyz of all daemons said 'replicated' from {began - run.started:.1f} to {ended - run.started:.1f}, "
                         f"there was no standby")
        noticed += bool(seen) and not seen <= {"replicated"}
    return wrong, noticed


def outages(run):
    """Times without any write acknowledged, while faults went on."""
    ends = sorted(float(x[11]) for _, x in lines(run) if x[0] in ("submitted", "acted", "claimed"))
    ends = [run.began] + [e for e in ends if run.began <= e <= run.ended] + [run.ended]
    gaps = sorted(((b - a, a - run.started) for a, b in zip(ends, ends[1:])), reverse=True)
    long = [g for g in gaps if g[0] > 1]
    return (f"longest times without an acknowledged write: " + ", ".join(f"{g:.1f} s at {at:.0f}" for g, at in gaps[:3])
            + f"; {len(long)} of more than a second, {sum(g for g, _ in long):.0f} s in all")


def all(run):  # noqa: A001
    table = load(run)
    found = run.sql(table + (HERE / "ledger.sql").read_text())
    found += "\n" + run.sql((HERE.parent / "check" / "invariants.sql").read_text())
    wrong = [x for x in found.split("\n") if x.strip()]
    more, noticed = windows(run)
    told = run.sql(table + (HERE / "figures.sql").read_text()).split("\n")
    told.append(outages(run))
    if run.windows:
        told.append(f"a standby was lost {len(run.windows)} times, /readyz told so {noticed} times; "
                    f"level seen: {', '.join(sorted({s[2] for s in run.samples}))}")
    return wrong + more, told
