"""A small Linux in QEMU whose console is heard with the time of each line, for the restores."""

import pathlib
import subprocess
import threading
import time

from machines import NUMBERS, UNLIMITED, Machine
from programs import LONGEST_S


class Guest(Machine):
    """Its only program fills memory, keeps writing to a little of it, checks all of it, and says so four times a second."""

    def __init__(self, peers, folder, mib, incoming=None, memory=()):
        qmp = pathlib.Path(folder) / f"r{next(NUMBERS)}"
        godwit_qmp = pathlib.Path(f"{qmp}.godwit")
        append = (f"console=ttyS0 quiet panic=-1 nokaslr audit=0 nowatchdog random.trust_cpu=on godwit.fixed_mib={mib * 5 // 8} "
                  "godwit.hot_mib=4 godwit.pause_us=2000")
        command = [str(peers / "bin/qemu-10.0"), "-accel", "tcg", "-machine", "q35", "-m", str(mib), "-nodefaults",
                   "-no-user-config", "-display", "none", "-serial", "stdio", "-kernel", str(peers / "vmlinuz"),
                   "-initrd", str(peers / "initramfs"), "-append", append,
                   "-qmp", f"unix:{qmp},server=on,wait=off", "-qmp", f"unix:{godwit_qmp},server=on,wait=off",
                   *(["-incoming", incoming] if incoming else []), *memory]
        super().__init__(command, qmp, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.godwit_qmp = godwit_qmp
        self.console = []
        self.heard = threading.Condition()
        threading.Thread(target=self.hear, daemon=True).start()
        self.command("migrate-set-parameters", **{"max-bandwidth": UNLIMITED})

    def hear(self):
        for line in self.process.stdout:
            now = time.monotonic()
            with self.heard:
                self.console.append((now, line.decode("latin-1").strip()))
                self.heard.notify_all()

    def await_line(self, start, first=0):
        """The time of the first line from a place on, or after it, that begins so."""
        deadline = time.monotonic() + LONGEST_S
        with self.heard:
            while True:
                for at, line in self.console[first:]:
                    if "BAD" in line:
                        raise RuntimeError(f"the guest found its memory wrong: {line}")
                    if line.startswith(start):
                        return at
                first = len(self.console)
                if not self.heard.wait(deadline - time.monotonic()):
                    raise RuntimeError(f"no '{start}' on the console")

    def capabilities(self, *names):
        self.command("migrate-set-capabilities",
                     capabilities=[{"capability": name, "state": True} for name in ("events", *names)])

    def ask_after(self, event):
        """Microseconds from when a migration became active to an event, if it became so, and the event's time."""
        first = None
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            if not self.events:
                self.command("query-status")
                time.sleep(0.005)
                continue
            message = self.events.popleft()
            at = message["timestamp"]["seconds"] * 1_000_000 + message["timestamp"]["microseconds"]
            if message["event"] == "MIGRATION" and message["data"]["status"] == "active" and first is None:
                first = at
            if message["event"] == event:
                return None if first is None else at - first, at / 1_000_000
        raise RuntimeError(f"QEMU has not said {event}")

    def ask_status(self, *wanted):
        deadline = time.monotonic() + LONGEST_S
        while self.command("query-status")["status"] not in wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the guest does not become {wanted}")
