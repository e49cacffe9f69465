# SPDX-License-Identifier: MIT
"""The embedded PostgreSQL of one turnod, which looks after it itself."""
import pathlib
import time

import faults
from pair import Node


class Server(Node):
    """Whatever serves in the daemon's state folder now."""

    def __init__(self, run):  # pylint: disable=super-init-not-called
        self.run, self.name, self.dir = run, "embedded", run.dir / "d1"
        self.data, self.sock = self.dir / "db", self.dir / "run"
        self.process, self.fenced = None, False

    def all(self):
        self.process = self.postmaster()
        return super().all()

    def postmaster(self):
        class Known:
            pid = -1

        try:
            Known.pid = int((self.data / "postmaster.pid").read_text().split("\n", maxsplit=1)[0])
        except (OSError, ValueError):
            pass
        return Known

    def is_running(self):
        return self.postmaster().pid != -1 and pathlib.Path(f"/proc/{self.postmaster().pid}").exists()


def postmaster_kill(run):
    pid = run.base.primary.postmaster().pid
    if pid == -1:
        return None
    faults.end([pid])
    return "the embedded server"


def both_kill(run):
    run.daemons[0].process.kill()
    faults.end(run.base.primary.all())
    return "turnod and its server"


class Solo:
    def __init__(self, run):
        self.run, self.primary = run, Server(run)
        skip = ("database", "sessions")
        self.light = {k: v for k, v in faults.LIGHT.items() if not k.startswith(skip)}
        self.light["backend killed"] = (4, lambda r: faults.backend_kill(r, "turnod"))
        self.light["backend paused"] = (2, lambda r: faults.backend_stop(r, "turnod"))
        self.heavy = {"postmaster killed": (2, postmaster_kill), "power cut": (1, both_kill)}

    def make(self):
        pass

    def is_steady(self):
        return self.run.daemons[0].ask("/readyz")[0] == 200

    def sql(self, text, seconds=120):
        return self.primary.sql(text, db="turno", user="turno_admin", seconds=seconds)

    def told(self):
        return "the server belongs to turnod"

    def stop(self):
        until = time.monotonic() + 10
        while self.primary.all() and time.monotonic() < until:
            time.sleep(0.1)
        faults.end(self.primary.all())
