# SPDX-License-Identifier: MIT
"""A live run: real texts and a real pattern of arrivals and hand-overs, worked off through the real daemon while it,
PostgreSQL and the clients are killed; then every acknowledgement is looked up. See tests/replay/run."""
import argparse
import json
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import plan

TOP = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent


def arguments():
    p = argparse.ArgumentParser(prog="tests/replay/run")
    p.add_argument("--requests", type=int, default=5000)
    p.add_argument("--agents", type=int, default=20)
    p.add_argument("--kills", type=int, default=24, help="of turnod, the postmaster and backends, by turns")
    p.add_argument("--seconds", type=float, default=240, help="in which the requests arrive")
    p.add_argument("--drain", type=float, default=300, help="seconds at most until all is done after that")
    p.add_argument("--seed", type=int, default=1)
    return p.parse_args()


class Run:
    def __init__(self, args, data):
        self.args = args
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tr.", dir=os.environ.get("TMPDIR", "/tmp")))
        (self.dir / "ledger").mkdir()
        self.build = pathlib.Path(os.environ.get("TURNO_BUILD", TOP / "build" / "release"))
        os.environ["TURNO_CLI"] = str(self.build / "turno")
        self.chance = random.Random(args.seed)
        self.people, self.daemon, self.killed = {}, None, {"turnod": 0, "postmaster": 0, "backend": 0, "agent": 0}
        self.plans = plan.cases(data, args.requests)
        self.why, self.waited = [], 0
        self.log = open(self.dir / "log", "ab")

    # ---- the desk --------------------------------------------------------------------------------------------------------

    def desk(self):
        each = self.args.agents
        self.agents = {f"agent{i}": (plan.DEPARTMENTS + ["hr"])[i % 6] for i in range(each)}
        text = []
        for d in plan.DEPARTMENTS + ["hr"]:
            here = [f'"{a}"' for a, where in self.agents.items() if where == d]
            here += [f'"{d}-colleague"']
            private = "private = true;" if d == "hr" else ""
            text.append(f'{{ name = "{d}"; title = "{d}"; members = [{", ".join(here)}]; queues = ( {{ name = "{d}"; title = "{d}";'
                        f' {private} idle_limit = "5s"; offer_limit = "3s"; auto_close = "5s"; sticky = "3s";'
                        f' targets = {{ urgent = "10s"; high = "30s"; normal = "60s"; low = "120s"; }}; }} ); }}')
        (self.dir / "desk.conf").write_text("departments = (\n" + ",\n".join(text) + "\n);\ndefault_queue = \"frontdesk\";\n")

    def start(self):
        self.daemon = subprocess.Popen(
            [self.build / "turnod", "-o", f"state_dir={self.dir}/state", "-o", f"socket={self.dir}/s", "-o",
             f"desk={self.dir}/desk.conf", "-o", "log_level=notice"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done = subprocess.run(["curl", "-fs", "-m", "2", "--unix-socket", self.dir / "s", "http://t/readyz"],
                                  capture_output=True, check=False)
            if done.returncode == 0:
                return
            if self.daemon.poll() is not None:
                self.start()  # as the service manager does
            time.sleep(0.1)
        raise SystemExit(f"turnod is not ready after {seconds} s; its log:\n{(self.dir / 'log').read_text()[-3000:]}")

    def token(self, *args):
        done = subprocess.run([self.build / "turno", "token", "add", *args, "--label", "replay", "--json"], capture_output=True,
                              env=dict(os.environ, TURNO_URL=f"unix://{self.dir}/s"), check=True, text=True)
        return json.loads(done.stdout)["secret"]

    def set_up(self, data):
        self.desk()
        self.start()
        self.ready()
        tokens = {a: self.token("--person", a, "--scope", "agent") for a in self.agents}
        inside = [f"{d}-colleague" for d in plan.DEPARTMENTS]
        tokens.update({p: self.token("--person", p, "--scope", "agent") for p in inside})
        outside = [f"customer{i}" for i in range(5)]
        tokens.update({c: self.token("--account", f"Account {c}", "--name", c, "--scope", "submit") for c in outside})
        tokens["stranger"] = self.token("--account", "Nobody Ltd", "--name", "stranger", "--scope", "submit")
        scale = self.args.seconds / max(self.plans[-1]["at"], 1)
        for p, (subject, body, lang) in zip(self.plans, plan.texts(data, len(self.plans))):
            i = p["number"]
            p.update(at=p["at"] * scale, subject=subject, body=body, lang=lang, to=p["department"],
                     by=inside[i // 2 % 5] if i % 2 == 0 else outside[i // 2 % 5])
            if i % 40 == 0:  # people matters: nobody else may see them; HR works them alone
                p.update(to="hr", subject=f"SECRET {subject}"[:150], steps=[s for s in p["steps"] if s[0] != "pass" and s[0] != "ask"])
        cli = {a: i % 5 == 4 for i, a in enumerate(self.agents)}
        self.names = {"customer": inside + outside, "agent": list(self.agents), "stranger": ["stranger"]}
        (self.dir / "conf.json").write_text(json.dumps(
            {"tokens": tokens, "plans": self.plans, "seed": self.args.seed, "cli": cli, "begin": time.time() + 1}))
        for role, names in self.names.items():
            for n in names:
                self.person(role, n)

    def person(self, role, name):
        self.people[name] = (role, subprocess.Popen([sys.executable, HERE / "people.py", role, self.dir, name],
                                                    stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log))

    # ---- trouble ---------------------------------------------------------------------------------------------------------

    def postmaster(self):
        try:
            return int(next((self.dir / "state").glob("**/postmaster.pid")).read_text().split("\n")[0])
        except (StopIteration, ValueError, OSError):
            return None

    def kill(self, what):
        pid = None
        if what == "turnod":
            pid = self.daemon.pid
        elif what == "postmaster":
            pid = self.postmaster()
        elif what == "backend":
            parent = self.postmaster()
            if parent:
                done = subprocess.run(["pgrep", "-P", str(parent), "-f", "turnod"], capture_output=True, text=True, check=False)
                backends = [int(x) for x in done.stdout.split()]
                pid = self.chance.choice(backends) if backends else None
        elif what == "agent":
            name = self.chance.choice(self.names["agent"])
            role, process = self.people[name]
            process.kill()
            process.wait()
            self.person(role, name)
            self.killed["agent"] += 1
            return
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
                self.killed[what] += 1
            except ProcessLookupError:
                pass

    def watch(self):
        if self.daemon.poll() is not None:
            self.start()
        for name, (role, process) in list(self.people.items()):
            if process.poll() is not None:
                print(f"# {name} ended by itself with status {process.returncode}")
                self.person(role, name)

    def sql(self, text, *args):
        binary = os.path.realpath(shutil.which("postgres") or max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")))
        done = subprocess.run([pathlib.Path(binary).parent / "psql", "-XqAtF", " | ", "-v", "ON_ERROR_STOP=1", "-h", self.dir / "state" / "run",
                               "-p", "5432", "-U", "turno_admin", "-d", "turno", *args], input="set search_path = turno;\n" + text,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def open_work(self):
        try:
            return int(self.sql("select count(*) from live where state <> 5"))
        except (RuntimeError, ValueError):
            return -1

    def explain(self):
        """Now and then: why the ticket stands where it stands that waits behind most others, as the desk tells it."""
        try:
            number = self.sql("select ticket_id from live l where state = 1 and lane_id > 0 and not"
                              " (select private from queue q where q.queue_id = l.queue_id) order by"
                              " (select count(*) from live h where h.state = 1 and h.lane_id = l.lane_id and h.key < l.key) desc limit 1")
        except RuntimeError:
            return  # killed just now
        if number:
            self.waited += 1
            env = dict(os.environ, TURNO_URL=f"unix://{self.dir}/s")
            told = subprocess.run([self.build / "turno", "why", number], capture_output=True, env=env, check=False, text=True)
            if told.returncode == 0 and re.search("It is (number|the next)", told.stdout):
                self.why.append(told.stdout)

    def go(self):
        self.began = time.monotonic()
        kinds = ["turnod", "backend", "postmaster"]
        kill_at = sorted(self.chance.uniform(2, self.args.seconds) for _ in range(self.args.kills))
        done = 0
        agent_at = 5.0
        handed_in = False
        while True:
            time.sleep(0.1)
            self.watch()
            t = time.monotonic() - self.began
            if done < len(kill_at) and t >= kill_at[done]:
                self.kill(kinds[done % 3])
                done += 1
            if t >= agent_at and t < self.args.seconds:
                self.kill("agent")
                agent_at += max(3.0, self.args.seconds / 40)
            if len(self.why) < 3 and t > self.args.seconds * (len(self.why) + 1) / 5:
                self.explain()
            handed_in = handed_in or all((self.dir / f"handed-in.{n}").exists() for n in self.names["customer"])
            if handed_in and done == len(kill_at) and int(t * 10) % 20 == 0 and self.open_work() == 0:
                break
            if t > self.args.seconds + self.args.drain:
                print(f"# {self.open_work()} tickets are still open after {t:.0f} s")
                break
        self.took = time.monotonic() - self.began
        (self.dir / "stop").touch()
        for _, process in self.people.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.ready()

    # ---- what came of it ----------------------------------------------------------------------------------------------------

    def check(self):
        lines = []
        for f in (self.dir / "ledger").iterdir():
            who = f.name.rsplit(".", 1)[0]
            for line in f.read_text().split("\n")[:-1]:
                fields = line.split("\t")
                lines.append("\t".join([who] + [x.replace("\\", "") for x in fields[:5]] + [r"\N"] * (5 - len(fields[:5]))))
        (self.dir / "ledger.tsv").write_text("\n".join(lines) + "\n")
        load = f"create temp table ledger (who text, what text, a text, b text, c text, d text);\n\\copy ledger from '{self.dir}/ledger.tsv'\n"
        found = self.sql(load + (HERE / "ledger.sql").read_text())
        found += "\n" + self.sql((TOP / "tests" / "check" / "invariants.sql").read_text())
        faults = [x for x in found.split("\n") if x.strip()] + self.audit()
        if self.waited > 20 and not self.why:
            faults.append(f"turno why explained none of {self.waited} tickets that waited")
        for line in self.why[-1].split("\n")[:-1] if self.why else []:
            print("# why: " + " | ".join(line.split("\t")))
        self.figures(self.sql(load + (HERE / "figures.sql").read_text()))
        return faults

    def audit(self):
        """What the desk says of its own fairness; a service or a wait beyond its bound is a fault."""
        env = dict(os.environ, TURNO_URL=f"unix://{self.dir}/s")
        told = subprocess.run([self.build / "turno", "stats", "fairness"], capture_output=True, env=env, check=False, text=True)
        for line in told.stdout.split("\n")[:-1]:
            print("# fairness: " + " | ".join(line.split("\t")))
        verdict = told.stdout.split("\n")[0].split("\t")
        if told.returncode != 0 or verdict[0] != "verdict":
            return [f"fairness: no audit: {told.stderr.strip()}"]
        return [] if verdict[1] == "fair" and float(verdict[2]) <= 1 else ["fairness: " + " ".join(verdict)]

    def figures(self, told):
        print(f"# machine: {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}")
        print(f"# {self.args.requests} requests within {self.args.seconds:.0f} s, {self.args.agents} agents "
              f"({sum(1 for i in range(self.args.agents) if i % 5 == 4)} by turno itself), all done after {self.took:.0f} s, seed {self.args.seed}")
        print("# kill -9: " + ", ".join(f"{n} x {what}" for what, n in self.killed.items()))
        planned = {s: sum(1 for p in self.plans for x in p["steps"] if x[0] == s) for s in ("pass", "ask", "customer", "vendor", "until")}
        print("# planned steps: " + ", ".join(f"{k} {v}" for k, v in planned.items()))
        for line in told.split("\n"):
            print("# " + line)

    def end(self, keep):
        for _, process in self.people.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(30)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
        if keep:
            print(f"# kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def main():
    args = arguments()
    data = pathlib.Path(os.environ.get("TURNO_SHARED", TOP / ".." / "shared")) / "data"
    if not (data / "volvo-incidents-2013").is_dir():
        print("1..0 # SKIP the real data (../shared/data) is not here")
        return 0
    if os.geteuid() == 0:
        raise SystemExit("run it through tests/stage: PostgreSQL refuses root")
    run = Run(args, data)
    faults = ["the run did not come to its end"]
    try:
        run.set_up(data)
        run.go()
        faults = run.check()
    finally:
        run.end(keep=bool(faults))
    print(f"{'not ok' if faults else 'ok'} 1 - a live run loses nothing, doubles nothing, leaks nothing")
    for f in faults[:50]:
        print("# " + f)
    print("1..1")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
