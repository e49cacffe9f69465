# SPDX-License-Identifier: MIT
"""Two PostgreSQL clusters on one machine, a primary and its synchronous standby, and who looks after them: whatever dies is
started again, a standby that cannot go on is made anew. The pair is strict (a commit waits for the standby, or for ever)
except where a fault says that the administrator goes on without one."""
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

SETTINGS = """
listen_addresses = ''
max_connections = 60
shared_buffers = 32MB
max_wal_size = 64MB
min_wal_size = 32MB
wal_keep_size = 64MB
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
wal_retrieve_retry_interval = 200ms
hot_standby = on
log_line_prefix = '%m [%p] '
log_min_messages = warning
synchronous_commit = on
"""


def programs():
    found = shutil.which("postgres")
    return pathlib.Path(os.path.realpath(found) if found else max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"),
                                                                  key=lambda p: int(p.parts[-3]))).parent


def processes_in(folder):
    """Pids of all that work in a folder."""
    found = []
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                if os.readlink(f"/proc/{p}/cwd") == str(folder):
                    found.append(int(p))
            except OSError:
                pass
    return found


def end(pids, sig=signal.SIGKILL):
    n = 0
    for p in pids:
        try:
            os.kill(p, sig)
            n += 1
        except ProcessLookupError:
            pass
    return n


def until(what, seconds=60):
    """Waits until what() is true; a RuntimeError of it is a no."""
    end_at = time.monotonic() + seconds
    while True:
        try:
            if what():
                return
        except RuntimeError:
            pass
        if time.monotonic() > end_at:
            raise RuntimeError(f"in vain for {seconds} s: {what}")
        time.sleep(0.1)


class Node:
    def __init__(self, home, name, other):
        self.name, self.home = name, home
        self.dir = home / name  # its file system, small where that can be had
        self.data, self.sock, self.log = self.dir / "data", home / f"s{name}", home / f"{name}.log"
        self.other = f"host={home}/s{other} port=5432 user=postgres application_name={name}"
        self.process = None
        self.fenced = False  # not to be started
        self.sock.mkdir()
        self.dir.mkdir(exist_ok=True)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", self.data, "-c", f"unix_socket_directories={self.sock}",
                 "-c", f"primary_conninfo={self.other}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def all(self):
        return processes_in(self.data)

    def kill(self):
        """Every process, the postmaster first, until none is left."""
        if self.is_running():
            self.process.kill()
            self.process.wait()
        while self.all():
            end(self.all())
            time.sleep(0.02)

    def children(self, word=""):
        """Pids of the server's processes whose title has the word."""
        found = []
        for p in self.all():
            try:
                title = pathlib.Path(f"/proc/{p}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if self.process is not None and p != self.process.pid and word in title:
                found.append(p)
        return sorted(found)

    def sql(self, text, db="postgres", user="postgres", seconds=20, options=""):
        """What psql prints; RuntimeError otherwise."""
        try:
            done = subprocess.run([programs() / "psql", "-XqAtF", " | ", "-v", "ON_ERROR_STOP=1", "-h", self.sock, "-p", "5432",
                                   "-U", user, "-d", db], input=text, capture_output=True, text=True, timeout=seconds, check=False,
                                  env=dict(os.environ, PGOPTIONS=options, PGCONNECT_TIMEOUT="5"))
        except subprocess.TimeoutExpired as e:
            raise RuntimeError("no answer") from e
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()


class Pair:
    def __init__(self, home, say):
        self.home, self.say = home, say
        self.primary, self.standby = Node(home, "a", "b"), Node(home, "b", "a")
        self.strict = True
        self.rebuilt = {"rewind": 0, "basebackup": 0}
        self.lock = threading.RLock()  # of whoever changes roles or keeps a node down
        self.stopped = threading.Event()
        self.stuck_since = None
        self.thread = threading.Thread(target=self.tend, daemon=True)

    def sql(self, text, seconds=120):
        return self.primary.sql(text, db="turno", seconds=seconds)

    def told(self):
        return f"standby made anew: {self.rebuilt['rewind']} x pg_rewind, {self.rebuilt['basebackup'] - 1} x pg_basebackup"

    def program(self, name, *args, seconds=120):
        done = subprocess.run([programs() / name, *args], capture_output=True, text=True, check=False, timeout=seconds)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr.strip()[-500:]}")

    def make(self):
        a = self.primary
        self.program("initdb", "-D", a.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-k", "-N",
                     "--wal-segsize=1")
        with open(a.data / "postgresql.conf", "a") as f:
            f.write(SETTINGS)
        with open(a.data / "pg_hba.conf", "w") as f:
            f.write("local all all trust\nlocal replication all trust\n")
        a.start()
        until(lambda: a.sql("select 1") == "1")
        a.sql("create role desk_owner login createrole; create role desk_daemon login; grant pg_read_all_stats to desk_daemon;"
              "create database turno owner desk_owner;")
        self.copy()
        self.standby.start()
        a.sql("alter system set synchronous_standby_names = 'a,b'")
        a.sql("select pg_reload_conf()")
        until(self.in_sync)
        self.thread.start()

    def in_sync(self):
        """The standby has all that was acknowledged, and goes on so."""
        return self.primary.sql("select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'sync'",
                                seconds=5) == "1"

    def is_steady(self):
        try:
            return self.strict and self.primary.is_running() and self.standby.is_running() and self.in_sync()
        except RuntimeError:
            return False

    # ---- roles -------------------------------------------------------------------------------------------------------

    def copy(self):
        """The standby anew."""
        b = self.standby
        b.kill()
        shutil.rmtree(b.data, ignore_errors=True)
        self.program("pg_basebackup", "-D", b.data, "-h", self.primary.sock, "-U", "postgres", "-c", "fast", "-X", "stream", "--no-sync")
        (b.data / "standby.signal").touch()
        self.rebuilt["basebackup"] += 1

    def rewind(self):
        b = self.standby
        self.program("pg_rewind", "-D", b.data, "--source-server", f"host={self.primary.sock} port=5432 user=postgres dbname=postgres",
                     "--no-sync")
        (b.data / "standby.signal").touch()
        self.rebuilt["rewind"] += 1

    def fence(self):
        """What was the primary writes nothing any more."""
        self.primary.fenced = True
        self.primary.kill()

    def promote(self, rewind):
        """The primary is fenced: the standby takes its place, and what is left of the old one becomes its standby."""
        with self.lock:
            old, new = self.primary, self.standby
            if not new.is_running():
                new.start()
            until(lambda: new.sql("select pg_is_in_recovery()") == "t")
            names = "a,b" if self.strict else ""
            until(lambda: new.sql(f"alter system set synchronous_standby_names = '{names}'; select pg_reload_conf()") == "t")
            time.sleep(0.3)  # the checkpointer reads it before anything can be committed
            until(lambda: new.sql("select pg_promote(true, 30)", seconds=40) == "t")
            self.primary, self.standby = new, old
            try:
                if not rewind:
                    raise RuntimeError("a new copy was asked for")
                new.sql("checkpoint")  # pg_rewind looks for the new timeline in the control file
                self.rewind()
            except RuntimeError as e:
                self.say("rebuild", f"{old.name} anew: {str(e)[:200]}")
                until(lambda: self.copy() or True, 120)
            old.fenced = False
            old.start()
            self.stuck_since = None

    def relax(self):
        with self.lock:
            self.strict = False
            until(lambda: self.primary.sql("alter system set synchronous_standby_names = ''; select pg_reload_conf()") == "t", 10)

    def tighten(self):
        """Strict again, if it can be now: when the standby has all that was committed since anybody may have committed without it."""
        self.primary.sql("alter system set synchronous_standby_names = 'a,b'", seconds=5)
        self.primary.sql("select pg_reload_conf()", seconds=5)
        if not self.in_sync():
            return
        time.sleep(2)  # every process has read it, the checkpointer too
        lsn = self.primary.sql("select pg_current_wal_lsn()", seconds=5)
        for _ in range(20):
            if self.primary.sql("select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'sync'"
                                f" and flush_lsn >= '{lsn}'", seconds=5) == "1":
                self.strict = True
                return
            time.sleep(0.1)

    # ---- looking after it ----------------------------------------------------------------------------------------------

    def tend(self):
        while not self.stopped.wait(0.3):
            if not self.lock.acquire(timeout=0.1):
                continue
            try:
                for node in (self.primary, self.standby):
                    if not node.fenced and not node.is_running():
                        node.kill()  # what a dead postmaster has left
                        node.start()
                self.mend()
                if not self.strict and not self.standby.fenced:
                    self.tighten()
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
                self.say("tend", str(e)[:200])
            finally:
                self.lock.release()

    def mend(self):
        """A standby that does not come to its primary in ten seconds is of no use."""
        now = time.monotonic()
        try:
            good = self.standby.fenced or self.primary.sql("select count(*) from pg_stat_replication where state = 'streaming'",
                                                           seconds=5) != "0"
        except RuntimeError:
            good = True  # the primary's trouble
        if good:
            self.stuck_since = None
        elif self.stuck_since is None:
            self.stuck_since = now
        elif now - self.stuck_since > 10:
            self.stuck_since = None
            self.say("rebuild", f"{self.standby.name} does not come to its primary")
            self.copy()
            self.standby.start()

    def stop(self):
        self.stopped.set()
        if self.thread.is_alive():
            self.thread.join()
        for node in (self.primary, self.standby):
            node.kill()
