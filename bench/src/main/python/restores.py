"""Ways to bring one saved guest back: QEMU's own, and Godwit's."""

import json
import subprocess
import time

from guests import Guest
from machines import private_memory
from programs import GODWIT, Godwit


class Restores:
    """A guest in a snapshot file, and the same as QEMU's template: RAM in a file, and the rest of its state in another."""

    def __init__(self, arguments, mib):
        self.arguments = arguments
        self.folder = arguments.folder
        self.mib = mib
        self.gib = mib / 1024
        self.file = self.folder / f"guest-{mib}.gw"
        self.template = self.folder / f"template-{mib}"
        self.state = self.folder / f"template-{mib}.state"
        self.sockets = 0

    def close(self):
        for path in (self.file, self.template, self.state, self.file.with_name(self.file.name + ".touched")):
            path.unlink(missing_ok=True)

    def guest(self, **options):
        return Guest(self.arguments.peers, self.folder, self.mib, **options)

    def memory(self, share):
        return [*private_memory(self.template, self.mib, share), "-machine", "memory-backend=pc.ram"]

    def prepare(self, record=True):
        """Boots the guest on the template, and saves it both ways while it stands still."""
        guest = self.guest(memory=self.memory("on"))
        try:
            guest.await_line("READY")
            guest.await_line("TICK", len(guest.console))
            subprocess.run([str(GODWIT), "snapshot", "-q", str(self.file), "--qmp", str(guest.godwit_qmp), "--mode", "stop",
                            "--after", "stay"], check=True, stdout=subprocess.DEVNULL)
            guest.command("cont")  # a guest that was migrated has to run before it is migrated again
            guest.command("stop")
            guest.events.clear()
            guest.capabilities("x-ignore-shared")
            guest.command("migrate", uri=f"file:{self.state}")
            guest.await_migration()
        finally:
            guest.close()
        if record:
            for order in ("fault-forward", "recorded", "recorded"):  # what one pushed before it was touched, the next sees
                self.lazy(order, record=True)

    def uri(self):
        self.sockets += 1
        return f"unix:{self.folder / f's{self.sockets}'}"

    # ---- QEMU's ways

    def qemu_file(self, channels=0):
        guest = self.guest(incoming="defer")
        try:
            guest.capabilities("mapped-ram", *(["multifd"] if channels else []))
            begun = Begun(guest)
            guest.command("migrate-incoming", uri=f"file:{self.file}")
            begun.await_first_line()
            return begun.figures(self.gib, complete=True)
        finally:
            guest.close()

    def qemu_template(self):
        guest = self.template_guest()
        try:
            begun = Begun(guest)
            self.start_template(guest)
            begun.await_first_line()
            return begun.figures(self.gib)
        finally:
            guest.close()

    def template_guest(self):
        guest = self.guest(incoming="defer", memory=self.memory("off"))
        guest.capabilities("x-ignore-shared")
        return guest

    def start_template(self, guest):
        start = time.monotonic()
        guest.command("migrate-incoming", uri=f"file:{self.state}")
        guest.ask_status("postmigrate", "paused", "running")
        guest.command("cont")
        return guest.await_line("") - start

    def qemu_postcopy(self):
        source = self.guest(incoming="defer", memory=["-S"])
        destination = self.guest(incoming="defer")
        try:
            source.capabilities("mapped-ram")
            source.command("migrate-incoming", uri=f"file:{self.file}")
            source.await_migration()
            source.command("migrate-set-capabilities", capabilities=[{"capability": "mapped-ram", "state": False}])
            uri = self.uri()
            destination.capabilities("postcopy-ram", "postcopy-blocktime")
            destination.command("migrate-incoming", uri=uri)
            source.capabilities("postcopy-ram")
            begun = Begun(destination, source)
            source.command("migrate", uri=uri)
            source.command("migrate-start-postcopy")
            begun.await_first_line()
            source.await_migration()
            return begun.figures(self.gib, complete=True, requests=source.command("query-migrate")["ram"]["postcopy-requests"],
                                 blocked_ms=destination.command("query-migrate").get("postcopy-blocktime"))
        finally:
            source.close()
            destination.close()

    # ---- Godwit's

    def lazy(self, order, record=False, to_first_line=False):
        guest = self.guest(incoming="defer")
        uri, godwit = self.uri(), None
        try:
            guest.capabilities("postcopy-ram", "postcopy-blocktime")
            guest.command("migrate-incoming", uri=uri)
            begun = Begun(guest)
            godwit = Godwit(["restore", "--json", "--order", order, "--to", uri, *(["--record"] if record else []), str(self.file)])
            begun.await_first_line(godwit)
            if to_first_line:
                return begun.figures(self.gib)
            result = godwit.finish()
            taken = begun.figures(self.gib, godwit, complete=True, requests=result["requests"],
                                  blocked_ms=guest.command("query-migrate").get("postcopy-blocktime"))
            guest.await_line("CUT ok", len(guest.console))
            return taken
        finally:
            if godwit:
                godwit.close()
            guest.close()

    def eager(self):
        guest = self.guest(incoming="defer")
        uri, godwit = self.uri(), None
        try:
            guest.capabilities()
            guest.command("migrate-incoming", uri=uri)
            begun = Begun(guest)
            godwit = Godwit(["restore", "--json", "--eager", "--to", uri, str(self.file)])
            begun.await_first_line(godwit)
            godwit.finish()
            return begun.figures(self.gib, godwit, complete=True)
        finally:
            if godwit:
                godwit.close()
            guest.close()

    def mapped_guest(self):
        arguments = json.loads(subprocess.run([str(GODWIT), "restore", "--json", "--print-qemu-args", str(self.file)], check=True,
                                              stdout=subprocess.PIPE).stdout)["arguments"]
        return self.guest(memory=arguments)

    def mapped(self):
        guest, godwit = self.mapped_guest(), None
        try:
            begun = Begun(guest)
            godwit = Godwit(["restore", "--json", "--map", "--qmp", str(guest.godwit_qmp), str(self.file)])
            begun.await_first_line(godwit)
            godwit.finish()
            taken = begun.figures(self.gib, godwit)
            guest.await_line("CUT ok", len(guest.console))
            return taken
        finally:
            if godwit:
                godwit.close()
            guest.close()


class Begun:
    """A restore that is about to begin: the times and the processor time from here on, of all processes that take part."""

    def __init__(self, guest, *others):
        self.guest, self.machines = guest, (guest, *others)
        self.cpu = self.machines_cpu()
        self.wall, self.start = time.time(), time.monotonic()
        self.first_line = self.first_cpu = None

    def machines_cpu(self):
        return sum(machine.cpu() for machine in self.machines)

    def await_first_line(self, godwit=None):
        self.first_line = self.guest.await_line("") - self.start
        self.first_cpu = self.machines_cpu() - self.cpu + (godwit.cpu_so_far() if godwit else 0)

    def figures(self, gib, godwit=None, complete=False, requests=None, blocked_ms=None):
        """What is known now; complete says that all of RAM is there at this moment."""
        seconds = time.monotonic() - self.start
        cpu = self.machines_cpu() - self.cpu + (godwit.cpu_all if godwit else 0)
        loading_us, resumed = self.guest.ask_after("RESUME")
        return {"first line ms": self.first_line * 1000, "guest runs ms": (resumed - self.wall) * 1000,
                "loading ms": loading_us and loading_us / 1000, "pages asked for": requests, "blocked ms": blocked_ms,
                "all RAM there s": seconds if complete else None, "cpu-s to first line": self.first_cpu,
                "cpu-s/GiB": cpu / gib if complete else None}
