# SPDX-License-Identifier: MIT
"""People at work through the API while everything beneath them fails, and then the proof that nothing was lost, doubled or
served twice. See tests/torture/run."""
import argparse
import collections
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import check
import faults
from pair import Pair
from solo import Solo

TOP = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
QUEUES = ["sales", "warehouse", "billing", "it"]


def arguments():
    p = argparse.ArgumentParser(prog="tests/torture/run")
    p.add_argument("--seconds", type=float, default=60, help="of faults; then all that is open is worked off")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--embedded", action="store_true", help="one turnod with its own PostgreSQL, instead of two on a pair")
    p.add_argument("--rate", type=float, default=8, help="what each person does in a second, at most")
    p.add_argument("--gap", type=float, default=1.5, help="seconds from one fault to the next, on average")
    p.add_argument("--only", default="", help="kinds of faults, separated by commas")
    p.add_argument("--drain", type=float, default=60, help="seconds without progress after which what is open in the end is stuck")
    p.add_argument("--keep", action="store_true", help="keep the run's folder")
    return p.parse_args()


class Daemon:
    def __init__(self, run, name, options):
        self.run, self.name, self.options = run, name, options
        self.socket = run.dir / f"{name}.sock"
        self.process, self.starts = None, 0

    def start(self):
        self.starts += 1
        self.process = subprocess.Popen(
            [self.run.build / "turnod", "-o", f"state_dir={self.run.dir}/{self.name}", "-o", f"socket={self.socket}", "-o",
             f"desk={self.run.dir}/desk.conf", "-o", "log_level=notice", "-o", "limits.deadline=6s", "-o",
             "database.statement_timeout=5s", *self.options], stdin=subprocess.DEVNULL, stdout=self.run.log, stderr=self.run.log)

    def ask(self, path, seconds=2):
        """Status and body, past the proxy."""
        done = subprocess.run(["curl", "-s", "-m", str(seconds), "-w", "\n%{http_code}", "--unix-socket", self.socket, f"http://t{path}"],
                              capture_output=True, text=True, check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    def rss(self):
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            return int(text.split("VmRSS:")[1].split()[0])
        except (OSError, IndexError):
            return 0


class Run:
    def __init__(self, args):
        self.args = args
        self.dir = pathlib.Path(os.environ.get("TORTURE_HOME") or tempfile.mkdtemp(prefix="tt.", dir=os.environ.get("TMPDIR", "/tmp")))
        (self.dir / "ledger").mkdir()
        self.build = pathlib.Path(os.environ.get("TURNO_BUILD", TOP / "build" / "release"))
        self.chance = random.Random(args.seed)
        self.log = open(self.dir / "log", "ab")
        self.faults_log = open(self.dir / "faults.log", "a", encoding="utf-8")
        self.sites, self.done, self.windows, self.samples = {}, [], [], []
        self.started = time.monotonic()
        self.lock = threading.Lock()
        self.timers, self.threads, self.trouble = [], [], []
        self.over = threading.Event()
        self.killed_clients = self.rss_max = 0
        self.no_disk = False
        if args.embedded:
            self.base = Solo(self)
            self.daemons = [Daemon(self, "d1", [])]
        else:
            self.base = Pair(self.dir, self.say)
            self.base.light, self.base.heavy = faults.LIGHT, dict(faults.PAIR)
            if not os.path.ismount(self.base.primary.dir):
                del self.base.heavy["disk full"]
                self.no_disk = True
            hosts = "host={0}/p/a,{0}/p/b dbname=turno".format(self.dir)
            self.daemons = [Daemon(self, d, ["-o", f"database.conninfo={hosts} user=desk_daemon", "-o",
                                             f"database.owner_conninfo={hosts} user=desk_owner", "-o", "database.role=desk_daemon"])
                            for d in ("d1", "d2")]

    def say(self, kind, detail, at=None):
        with self.lock:
            self.faults_log.write(f"{(at or time.monotonic()) - self.started:8.2f} {kind}: {detail}\n")
            self.faults_log.flush()

    # ---- set-up --------------------------------------------------------------------------------------------------------

    def desk(self):
        people = {q: [f"lead-{q}"] for q in QUEUES}
        self.agents = [f"agent{i}" for i in range(12)]
        for i, a in enumerate(self.agents):
            people[QUEUES[i % 4]].append(a)
            people[QUEUES[(i + 1 + i // 4) % 4]].append(a)
        for i in range(4):
            people[QUEUES[i]].append(f"colleague{i}")
        text = []
        for q in QUEUES:
            members = ", ".join(f'"{n}"' for n in people[q])
            text.append(f'{{ name = "{q}"; title = "{q}"; members = [{members}]; leads = ["lead-{q}"]; queues = ( {{ name = "{q}";'
                        f' title = "{q}"; take = "agent"; idle_limit = "4s"; offer_limit = "2s"; auto_close = "5s"; sticky = "3s"; targets = {{'
                        f' urgent = "10s"; high = "30s"; normal = "60s"; low = "120s"; }}; }} ); }}')
        (self.dir / "desk.conf").write_text("departments = (\n" + ",\n".join(text) + "\n);\ndefault_queue = \"sales\";\n")

    def token(self, *args):
        done = subprocess.run([self.build / "turno", "token", "add", *args, "--label", "torture", "--json"], capture_output=True,
                              env=dict(os.environ, TURNO_URL=f"unix://{self.daemons[0].socket}"), check=True, text=True)
        return json.loads(done.stdout)["secret"]

    def ready(self, seconds=60, which=None):
        end = time.monotonic() + seconds
        for d in which or self.daemons:
            while d.ask("/readyz")[0] != 200:
                if time.monotonic() > end:
                    raise RuntimeError(f"{d.name} is not ready after {seconds} s: {d.ask('/readyz')}")
                time.sleep(0.1)

    def set_up(self):
        self.desk()
        self.base.make()
        fronts = [["client", f"{self.dir}/p/{d.name}", str(d.socket)] for d in self.daemons]
        if not self.args.embedded:
            fronts += [["db", f"{self.dir}/p/{n}/.s.PGSQL.5432", f"{self.dir}/s{n}/.s.PGSQL.5432"] for n in ("a", "b")]
        self.network = subprocess.Popen([sys.executable, "-B", HERE / "proxy.py", str(self.args.seed), json.dumps(fronts)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1)
        self.network.stdout.readline()
        for d in self.daemons:
            d.start()
            self.ready(which=[d])
        self.keep_up = threading.Thread(target=self.tend, daemon=True)
        self.keep_up.start()
        roles = [("agent", a) for a in self.agents] + [("lead", f"lead-{q}") for q in QUEUES] + [("customer", f"colleague{i}") for i in range(4)]
        tokens = {n: self.token("--person", n, "--scope", "agent") for _, n in roles}
        for i in range(4):
            roles.append(("customer", f"customer{i}"))
            tokens[f"customer{i}"] = self.token("--account", f"Account {i}", "--name", f"customer{i}", "--scope", "submit")
        sites = collections.defaultdict(list)
        for i, (role, n) in enumerate(roles):
            sites[f"{role}s{i % 3 if role == 'agent' else i % 2 if role == 'customer' else ''}"].append({"role": role, "name": n})
        (self.dir / "conf.json").write_text(json.dumps(
            {"tokens": tokens, "sites": sites, "queues": QUEUES, "agents": self.agents, "seed": self.args.seed, "rate": self.args.rate,
             "crowd": 200}))
        for s in sites:
            self.person(s)
        if not self.args.embedded:
            self.watcher = threading.Thread(target=self.watch, daemon=True)
            self.watcher.start()

    def person(self, site):
        self.sites[site] = subprocess.Popen([sys.executable, "-B", HERE / "people.py", self.dir, site], stdin=subprocess.DEVNULL,
                                            stdout=self.log, stderr=self.log)

    # ---- what faults use -------------------------------------------------------------------------------------------------

    def proxy(self, *words):
        with self.lock:
            self.network.stdin.write(" ".join(str(w) for w in words) + "\n")
            said = self.network.stdout.readline().strip()
        return f"{' '.join(str(w) for w in words[2:])}: {said}"

    def later(self, seconds, what):
        t = threading.Timer(seconds, what)
        self.timers.append(t)
        t.start()

    def spawn(self, what):
        t = threading.Thread(target=what, daemon=True)
        self.threads.append(t)
        t.start()

    def try_sql(self, text):
        try:
            return self.base.primary.sql(text, seconds=5)
        except RuntimeError as e:
            return str(e)[:80]

    def window(self, kind, began, ended):
        self.windows.append((kind, began, ended))

    # ---- while it runs ---------------------------------------------------------------------------------------------------

    def tend(self):
        """As service managers do: what has ended is started."""
        while not self.over.wait(0.2):
            for d in self.daemons:
                if d.process.poll() is not None:
                    d.start()
                self.rss_max = max(self.rss_max, d.rss())
            if (self.dir / "stop").exists():
                continue
            for site, process in list(self.sites.items()):
                if process.poll() is not None:
                    if process.returncode != -signal.SIGKILL:
                        self.trouble.append(f"clients | {site} ended by itself with status {process.returncode}")
                    self.killed_clients += 1
                    self.person(site)

    def watch(self):
        """What /readyz says of durability."""
        while not self.over.wait(0.5):
            for d in self.daemons:
                status, body = d.ask("/readyz", 1)
                if status:
                    try:
                        self.samples.append((time.monotonic(), d.name, json.loads(body)["durability"]))
                    except (ValueError, KeyError):
                        pass

    def do(self, kind, fault):
        began = time.monotonic()
        try:
            what = fault(self)
        except (RuntimeError, OSError, subprocess.SubprocessError) as e:
            what = None
            self.say(kind, f"came to nothing: {str(e)[:200]}", began)
        if what is not None:
            self.done.append(kind)
            self.say(kind, what, began)

    def light(self, end):
        deck = faults.Deck(self.chance, self.kinds(self.base.light))
        while deck.kinds:
            time.sleep(min(self.chance.expovariate(1 / self.args.gap), 5 * self.args.gap))
            if time.monotonic() >= end:
                return
            self.do(*deck.draw())

    def heavy(self, end):
        """One after the other, each from a steady pair: what comes of two at once is an outage, and nothing to learn."""
        deck = faults.Deck(random.Random(f"{self.args.seed} heavy"), self.kinds(self.base.heavy))
        while deck.kinds and time.monotonic() < end:
            if not self.base.is_steady():
                time.sleep(0.2)
                continue
            time.sleep(2 * self.args.gap)
            if time.monotonic() < end:
                self.do(*deck.draw())

    def kinds(self, table):
        only = [k for k in self.args.only.split(",") if k]
        return {k: v for k, v in table.items() if not only or k in only}

    def go(self):
        self.began = time.monotonic()
        end = self.began + self.args.seconds
        heavy = threading.Thread(target=self.heavy, args=(end,), daemon=True)
        heavy.start()
        self.light(end)
        time.sleep(max(0, end - time.monotonic()))
        heavy.join()
        self.ended = time.monotonic()
        self.recover()

    def recover(self):
        """No more faults: all must come back, and all that is open must come to its end."""
        for t in self.timers:
            t.join()
        self.proxy("heal", "all")
        for t in self.threads:
            t.join()
        began = time.monotonic()
        while not self.base.is_steady():
            if time.monotonic() - began > 60:
                raise RuntimeError("the database does not come back")
            time.sleep(0.1)
        self.ready(30)
        self.back = time.monotonic() - self.ended
        (self.dir / "drain").touch()
        began = progress = time.monotonic()
        left = least = 1 << 60
        while left != 0 and time.monotonic() - progress < self.args.drain:
            time.sleep(0.5)
            left = int(self.sql("select count(*) from live where state <> 5"))
            if left < least:
                least, progress = left, time.monotonic()
        self.drained = time.monotonic() - began
        (self.dir / "stop").touch()
        for process in self.sites.values():
            try:
                process.wait(100)
            except subprocess.TimeoutExpired:
                self.trouble.append("clients | one does not come to its end")
                process.kill()

    def sql(self, text):
        return self.base.sql("set search_path = turno;\n" + text, seconds=900)

    def end(self, keep):
        self.over.set()
        for t in self.timers:
            t.cancel()
        for p in [*self.sites.values(), getattr(self, "network", None)]:
            if p is not None and p.poll() is None:
                p.kill()
                p.wait()
        for d in self.daemons:
            if d.process is not None and d.process.poll() is None:
                d.process.send_signal(signal.SIGCONT)
                d.process.terminate()
                try:
                    d.process.wait(20)
                except subprocess.TimeoutExpired:
                    self.trouble.append(f"daemon | {d.name} does not end after TERM")
                    d.process.kill()
        self.base.stop()
        if keep:
            print(f"# kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def enter(args):
    """Again, in a folder whose a/ and b/ are small file systems: as root of a name space of users and mounts, and in that one of
    one's own again, since PostgreSQL refuses root. The exit status, or None where that cannot be had."""
    home = tempfile.mkdtemp(prefix="tt.", dir=os.environ.get("TMPDIR", "/tmp"))
    size = 300 + int(args.seconds * 0.3)
    script = (f'for n in a b; do mkdir {home}/$n && mount -t tmpfs -o size={size}M none {home}/$n || exit 99; done; touch {home}.in;'
              f'exec unshare -U --map-user={os.getuid()} --map-group={os.getgid()} "$@"')
    inner = subprocess.Popen(["unshare", "-Urm", "sh", "-c", script, "sh", sys.executable, "-B", *sys.argv],
                             env=dict(os.environ, TORTURE_HOME=home))
    try:
        status = inner.wait()
    except (SystemExit, KeyboardInterrupt) as e:  # (Ctrl-C reaches the inner run by itself)
        if isinstance(e, SystemExit):
            inner.terminate()
        inner.wait()
        raise
    finally:
        entered = os.path.exists(f"{home}.in")
        if entered:
            os.unlink(f"{home}.in")
        if not args.keep:
            shutil.rmtree(home, ignore_errors=True)
    return status if entered else None


def summary(run, told):
    args = run.args
    counts = collections.Counter(run.done)
    print(f"# machine: {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}")
    print(f"# {'one turnod, embedded PostgreSQL' if args.embedded else 'two turnod, a primary and its synchronous standby'}; seed {args.seed}, "
          f"{run.ended - run.began:.0f} s of faults, steady again after {run.back:.1f} s, all done after {run.drained:.1f} s more")
    print(f"# faults: {len(run.done)} of {len(counts)} kinds: " + ", ".join(f"{n} x {k}" for k, n in sorted(counts.items())))
    print(f"# turnod started {sum(d.starts for d in run.daemons)} times, its memory at most {run.rss_max / 1024:.1f} MB; "
          f"client processes killed {run.killed_clients}; {run.base.told()}")
    for line in told:
        print("# " + line)


def report(run):
    """What is left of a run: its log of faults, and the daemons'."""
    place = TOP / "build" / "torture"
    place.mkdir(parents=True, exist_ok=True)
    name = f"{'embedded' if run.args.embedded else 'pair'}-{run.args.seed}"
    for f in ("faults.log", "log", "a.log", "b.log"):
        if (run.dir / f).exists():
            shutil.copy(run.dir / f, place / f"{name}.{f}")
    return place / name


def on_term(*_):
    """Leaves by way of `finally`, which ends what was started; a second TERM does not disturb that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + signal.SIGTERM)


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, on_term)
    if os.geteuid() == 0:
        raise SystemExit("run it through tests/stage: PostgreSQL refuses root")
    if not args.embedded and "TORTURE_HOME" not in os.environ:
        status = enter(args)
        if status is not None:
            return status
    run = Run(args)
    wrong = ["the run did not come to its end"]
    try:
        run.set_up()
        run.go()
        wrong, told = check.all(run)
        summary(run, told)
    except RuntimeError as e:
        wrong = [f"stuck | {e}"]
    finally:
        place = report(run)
        if wrong or run.trouble:
            for line in place.with_suffix(".faults.log").read_text().splitlines():
                print(f"#   {line}")
            print(f"# logs: {place.relative_to(TOP)}.*")
        run.end(args.keep)
    wrong += run.trouble
    print(f"# violations: {len(wrong)}")
    print(f"{'not ok' if wrong else 'ok'} 1 - whatever fails, nothing is lost, doubled, or served to two")
    for f in wrong[:60]:
        print("# " + f)
    if run.no_disk:
        print("ok 2 - a full disk is survived # SKIP no file systems of one's own can be made here (unshare -Urm)")
    print(f"1..{1 + run.no_disk}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
