# SPDX-License-Identifier: MIT
"""What can go wrong, a function each: fault(run) does it and returns what exactly it did, for the log, or None when there was
nothing to do it to. Those of the pair (PAIR) change who the primary is, or keep a server down: one at a time, from a steady
pair. The others (LIGHT) come at any time, on top of each other and of those. Numbers are how often a kind is drawn."""
import os
import pathlib
import signal
import time

from pair import end


def pause(run, pids, seconds, what):
    end(pids, signal.SIGSTOP)
    run.later(seconds, lambda: end(pids, signal.SIGCONT))
    return f"{what}, {len(pids)} processes for {seconds:.1f} s"


# ---- daemons and clients -----------------------------------------------------------------------------------------------


def turnod_kill(run):
    d = run.chance.choice(run.daemons)
    d.process.kill()
    return d.name


def turnods_kill(run):
    for d in run.daemons:
        d.process.kill()
    return "all of them"


def turnod_term(run):
    d = run.chance.choice(run.daemons)
    d.process.terminate()
    return d.name


def turnod_stop(run):
    d = run.chance.choice(run.daemons)
    return pause(run, [d.process.pid], run.chance.choice((0.3, 1, 3, 8)), d.name)


def client_kill(run):
    site = run.chance.choice(sorted(run.sites))
    run.sites[site].kill()
    return site


def client_stop(run):
    site = run.chance.choice(sorted(run.sites))
    return pause(run, [run.sites[site].pid], run.chance.uniform(0.5, 6), site)


# ---- connections ---------------------------------------------------------------------------------------------------------


def net(word, kind, *args):
    return lambda run: run.proxy(word, kind, *(a(run.chance) if callable(a) else a for a in args))


def few(chance):
    return chance.choice((1, 2, 5, 1000))


def moment(chance):
    return round(chance.choice((0.2, 1, 3, 7)), 1)


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------------


def backend_kill(run, role="desk_daemon"):
    pids = run.base.primary.children(role)
    if not pids:
        return None
    end([run.chance.choice(pids)])
    return run.base.primary.name


def child_kill(run):
    pids = run.base.primary.children()
    if not pids:
        return None
    pid = run.chance.choice(pids)
    title = pathlib.Path(f"/proc/{pid}/cmdline")
    try:
        what = title.read_text().replace("\0", " ").strip()[:60]
    except OSError:
        return None
    end([pid])
    return what


def sessions_end(run):
    return run.try_sql("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'desk_daemon'")


def backend_stop(run, role="desk_daemon"):
    pids = run.base.primary.children(role)
    return pause(run, [run.chance.choice(pids)], run.chance.uniform(0.5, 5), run.base.primary.name) if pids else None


def server_stop(run):
    return pause(run, run.base.primary.all(), run.chance.choice((0.5, 2, 6)), run.base.primary.name)


def postmaster_kill(run):
    node = run.base.primary
    if not node.is_running():
        return None
    node.process.kill()
    return node.name


def long_transaction(run, text, what):
    """In a session of its own, for some seconds; ends as it likes."""
    seconds = run.chance.choice((0.5, 2, 4))

    def hold():
        try:
            run.base.sql(f"set search_path = turno; set lock_timeout = '2s'; begin isolation level repeatable read; {text};"
                         f"select pg_sleep({seconds}); rollback")
        except RuntimeError:
            pass  # it, too, may be hit

    run.spawn(hold)
    return f"{what} for {seconds} s"


def snapshot_held(run):
    return long_transaction(run, "create temp table t (); select pg_current_xact_id()", "a snapshot and a transaction number")


def rows_locked(run):
    return long_transaction(run, "select count(*) from (select * from live order by key limit 100 for update) x", "100 tickets")


def table_locked(run):
    table = run.chance.choice(("live", "op", "numbering", "event"))
    return long_transaction(run, f"lock table {table} in share row exclusive mode", table)


# ---- the pair: each leaves it to come back to steady by itself ---------------------------------------------------------------


def promote(run):
    """Fence, promote, rebuild; before it perhaps the standby is behind, and then what it has not on disk is lost to it."""
    pair, how = run.base, run.chance.choice(("plain", "plain", "stalled", "cancelled"))
    rewind = run.chance.random() < 0.6
    with pair.lock:
        if how != "plain":
            stopped = pair.standby.all()
            end(stopped, signal.SIGSTOP)
            until = time.monotonic() + run.chance.uniform(0.5, 3)
            while time.monotonic() < until:
                if how == "cancelled":
                    run.try_sql("select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'")
                time.sleep(0.1)
            pair.fence()
            pair.standby.kill()
        else:
            pair.fence()
        pair.promote(rewind)
    return f"{pair.primary.name} for {pair.standby.name}, {how}"


def promote_relaxed(run):
    """The new primary does not wait for its standby until that is there again."""
    pair = run.base
    with pair.lock:
        pair.fence()
        old, new = pair.primary, pair.standby
        pair.strict = False
        pair.promote(True)
    return f"{new.name} for {old.name}, which goes on alone for a while"


def standby_lost(run):
    """Strict: nothing can be acknowledged until it is back."""
    pair = run.base
    with pair.lock:
        pair.standby.fenced = True
        pair.standby.kill()
        began = time.monotonic()
        time.sleep(run.chance.uniform(8, 10))  # /readyz asks each five seconds
        run.window("strict", began, time.monotonic())
        pair.standby.fenced = False
    return f"{pair.standby.name}, for {time.monotonic() - began:.1f} s"


def standby_given_up(run):
    """The administrator goes on without one, and says so to the server."""
    pair = run.base
    with pair.lock:
        pair.standby.fenced = True
        pair.standby.kill()
        pair.relax()
        began = time.monotonic()
        time.sleep(run.chance.uniform(8, 10))
        run.window("relaxed", began, time.monotonic())
        pair.standby.fenced = False
    return pair.standby.name


def standby_stop(run):
    return pause(run, run.base.standby.all(), run.chance.choice((0.5, 2, 4)), run.base.standby.name)


def standby_kill(run):
    node = run.base.standby
    if not node.is_running():
        return None
    node.process.kill()
    return node.name


def cancel_waits(run):
    """Commits that wait for the standby are told not to: the server says so only by a warning."""
    pair, n = run.base, 0
    stopped = pair.standby.all()
    end(stopped, signal.SIGSTOP)
    until = time.monotonic() + run.chance.uniform(1, 3)
    word = run.chance.choice(("cancel", "terminate"))
    while time.monotonic() < until:
        said = run.try_sql(f"select count(pg_{word}_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'")
        n += int(said) if said and said.isdigit() else 0
        time.sleep(0.1)
    end(stopped, signal.SIGCONT)
    return f"{n} x {word}"


def disk_full(run):
    node = run.chance.choice((run.base.primary, run.base.primary, run.base.standby))
    if not os.path.ismount(node.dir):
        return None
    ballast = node.dir / "ballast"
    room = os.statvfs(node.dir)
    with open(ballast, "wb") as f:
        left = room.f_bavail * room.f_frsize
        while left >= 4096:
            try:
                os.posix_fallocate(f.fileno(), f.seek(0, 2), left)
            except OSError:
                left //= 2
        size = f.seek(0, 2)
    seconds = run.chance.choice((1, 3, 6))
    time.sleep(seconds)
    ballast.unlink()
    role = "primary" if node is run.base.primary else "standby"
    return f"{node.name} ({role}), {size >> 20} MB for {seconds} s"


def power_cut(run):
    """Primary, standby and daemons at once."""
    pair = run.base
    with pair.lock:
        turnods_kill(run)
        pair.primary.kill()
        pair.standby.kill()
    return "both clusters and the daemons"


LIGHT = {
    "turnod killed": (4, turnod_kill), "both turnods killed": (1, turnods_kill), "turnod stopped by TERM": (1, turnod_term),
    "turnod paused": (3, turnod_stop), "clients killed": (2, client_kill), "clients paused": (1, client_stop),
    "client connections cut": (2, net("cut", "client", few)),
    "client answers lost": (3, net("mute", "client", few, moment)),
    "client connections half-closed": (1, net("half", "client", few)),
    "client connections stalled": (1, net("stall", "client", few, moment)),
    "client connections slow": (1, net("delay", "client", lambda c: c.choice((5, 50, 300)), moment)),
    "clients turned away": (1, net("refuse", "client", moment)),
    "database connections cut": (3, net("cut", "db", few)),
    "database answers lost": (3, net("mute", "db", few, moment)),
    "database connections half-closed": (1, net("half", "db", few)),
    "database connections stalled": (1, net("stall", "db", few, moment)),
    "database connections slow": (1, net("delay", "db", lambda c: c.choice((2, 20, 200)), moment)),
    "database turned away": (1, net("refuse", "db", moment)),
    "backend killed": (4, backend_kill), "server process killed": (1, child_kill), "sessions ended": (1, sessions_end),
    "backend paused": (2, backend_stop), "server paused": (1, server_stop),
    "snapshot held": (1, snapshot_held), "rows locked": (2, rows_locked), "table locked": (1, table_locked),
}

PAIR = {
    "postmaster killed": (3, postmaster_kill), "standby promoted": (4, promote), "promoted, alone for a while": (1, promote_relaxed),
    "standby lost": (1, standby_lost), "standby given up": (1, standby_given_up), "standby paused": (2, standby_stop),
    "standby killed": (1, standby_kill), "waits for the standby ended": (2, cancel_waits), "disk full": (2, disk_full),
    "power cut": (1, power_cut),
}


class Deck:
    """Kinds in the order of a seed: each once before any comes again more often than another of its number."""

    def __init__(self, chance, kinds):
        self.chance, self.kinds, self.cards, self.first = chance, kinds, [], True

    def draw(self):
        if not self.cards:
            self.cards = sorted(self.kinds) if self.first else [k for k in sorted(self.kinds) for _ in range(self.kinds[k][0])]
            self.chance.shuffle(self.cards)
            self.first = False
        kind = self.cards.pop()
        return kind, self.kinds[kind][1]


