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
            start = time.monotonic()
            guest.command("migrate-incoming", uri=f"file:{self.file}")
            return figures(guest.await_line("") - start, guest)
        finally:
            guest.close()

    def qemu_template(self):
        guest = self.template_guest()
        try:
            return figures(self.start_template(guest), guest)
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
            start = time.monotonic()
            source.command("migrate", uri=uri)
            source.command("migrate-start-postcopy")
            first = destination.await_line("") - start
            run = destination.ask_after("RESUME")
            source.await_migration()
            complete = time.monotonic() - start
            requests = source.command("query-migrate")["ram"]["postcopy-requests"]
            blocktime = destination.command("query-migrate").get("postcopy-blocktime")
            return figures(first, None, run, requests, blocktime, complete)
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
            start = time.monotonic()
            godwit = Godwit(["restore", "--json", "--order", order, "--to", uri, *(["--record"] if record else []), str(self.file)])
            first = guest.await_line("") - start
            if to_first_line:
                return figures(first, guest)
            result = godwit.finish()
            blocktime = guest.command("query-migrate").get("postcopy-blocktime")
            guest.await_line("CUT ok", len(guest.console))
            return figures(first, None, guest.ask_after("RESUME"), result["requests"], blocktime, result["totalMs"] / 1000,
                           godwit.cpu_all / (self.mib / 1024))
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
            start = time.monotonic()
            godwit = Godwit(["restore", "--json", "--eager", "--to", uri, str(self.file)])
            first = guest.await_line("") - start
            godwit.finish()
            return figures(first, guest, cpu=godwit.cpu_all / (self.mib / 1024))
        finally:
            if godwit:
                godwit.close()
            guest.close()

    def mapped_guest(self):
        arguments = json.loads(subprocess.run([str(GODWIT), "restore", "--json", "--print-qemu-args", str(self.file)], check=True,
                                              stdout=subprocess.PIPE).stdout)["arguments"]
        return self.guest(memory=arguments)

    def mapped(self):
        guest = self.mapped_guest()
        try:
            start = time.monotonic()
            godwit = Godwit(["restore", "--json", "--map", "--qmp", str(guest.godwit_qmp), str(self.file)])
            first = guest.await_line("") - start
            godwit.finish()
            taken = figures(first, guest)
            guest.await_line("CUT ok", len(guest.console))
            return taken
        finally:
            guest.close()


def figures(first_line, guest=None, run_us=None, requests=None, blocktime_ms=None, complete=None, cpu=None):
    run_us = guest.ask_after("RESUME") if guest else run_us
    return {"first line ms": first_line * 1000, "until the guest runs ms": run_us and run_us / 1000, "pages asked for": requests,
            "blocked ms": blocktime_ms, "all RAM there s": complete, "cpu-s/GiB": cpu}
