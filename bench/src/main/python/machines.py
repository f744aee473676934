"""Machines that bench/migration-comparison migrates: QEMU's and Godwit's, driven by the same QMP commands."""

import collections
import itertools
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import time

from programs import GODWIT, LONGEST_S, cpu_seconds

HOT_MIB = 128
WRITING_MIB = 512
NUMBERS = itertools.count()
ZERO_PERCENT = {"random": 0, "half": 50, "zero": 100}


def second(qmp):
    return qmp.with_name(qmp.name + "-2")


class Machine:
    def __init__(self, command, qmp, **options):
        qmp.unlink(missing_ok=True)
        self.qmp = qmp
        self.events = collections.deque()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        deadline = time.monotonic() + LONGEST_S
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(qmp))
                break
            except OSError:
                connection.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        connection.settimeout(LONGEST_S)
        self.lines = connection.makefile("rw")
        self.lines.readline()
        self.command("qmp_capabilities")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.qmp.unlink(missing_ok=True)

    def control(self):
        """The socket for others: Godwit's own serves several clients."""
        return self.qmp

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def command(self, name, **arguments):
        self.lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "event" in answer:
                self.events.append(answer)
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def settings(self, channels, compression):
        states = {"multifd": channels > 0, "return-path": True, "events": True}
        self.command("migrate-set-capabilities",
                     capabilities=[{"capability": name, "state": state} for name, state in states.items()])
        self.command("migrate-set-parameters", **{"max-bandwidth": 1 << 50, "multifd-channels": channels or 2,
                                                  "multifd-compression": compression})

    def await_migration(self):
        """Returns the highest dirty-pages-rate of the passes. Woken by events: nobody is to pay for being asked."""
        rate = None
        while True:
            event = self.events.popleft() if self.events else json.loads(self.lines.readline())
            status = event.get("data", {}).get("status")
            if event.get("event") == "MIGRATION_PASS":
                rate = max(self.command("query-migrate").get("ram", {}).get("dirty-pages-rate", 0), rate or 0) or rate
            elif event.get("event") == "MIGRATION" and status == "completed":
                return rate
            elif event.get("event") == "MIGRATION" and status in ("failed", "cancelled"):
                raise RuntimeError(f"the migration failed: {self.command('query-migrate').get('error-desc')}")


class QemuMachine(Machine):
    """Standing: no firmware is run. Writing: a small Linux under TCG whose only program writes memory and checks it."""

    def control(self):
        """The socket for others: QEMU's serve one client each."""
        return second(self.qmp)

    def close(self):
        super().close()
        second(self.qmp).unlink(missing_ok=True)

    @classmethod
    def standing(cls, folder, peers, mib, content, incoming):
        memory = []
        if not incoming:
            path = pathlib.Path(folder) / "memory"
            fill(path, mib, content)
            memory = ["-object", f"memory-backend-file,id=pc.ram,size={mib}M,mem-path={path},share=off,"
                      "x-use-canonical-path-for-ramblock-id=off", "-machine", "pc,memory-backend=pc.ram"]
        qmp = pathlib.Path(folder) / f"q{next(NUMBERS)}"
        machine = cls([*cls.base(peers, qmp, mib, incoming), "-S", *memory], qmp)
        if not incoming:
            machine.touch()
            os.unlink(pathlib.Path(folder) / "memory")
        return machine

    @classmethod
    def writing(cls, folder, peers, pages_per_second, incoming):
        qmp = pathlib.Path(folder) / f"q{next(NUMBERS)}"
        pause_us = 16 * 1_000_000 // pages_per_second  # the guest pauses after each 16 pages
        append = (f"console=ttyS0 quiet panic=-1 godwit.fixed_mib=256 godwit.hot_mib={HOT_MIB} "
                  f"godwit.pause_us={pause_us}")
        machine = cls([*cls.base(peers, qmp, WRITING_MIB, incoming), "-serial", "stdio", "-kernel",
                       str(peers / "vmlinuz"), "-initrd", str(peers / "initramfs"), "-append", append],
                      qmp, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return machine

    @staticmethod
    def base(peers, qmp, mib, incoming):
        return [str(peers / "bin/qemu-10.0"), "-accel", "tcg", "-m", str(mib), "-nodefaults", "-display", "none",
                "-chardev", f"socket,id=m0,path={qmp},server=on,wait=off", "-mon", "chardev=m0,mode=control",
                "-chardev", f"socket,id=m1,path={second(qmp)},server=on,wait=off", "-mon", "chardev=m1,mode=control",
                *(["-incoming", "defer"] if incoming else [])]

    def touch(self):
        """The first reading of all memory makes its page tables, which nobody is to pay for alone."""
        self.command("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
        self.command("migrate-set-parameters", **{"max-bandwidth": 1 << 50})
        self.command("migrate", uri="exec:cat > /dev/null")
        self.await_migration()
        self.command("cont")
        self.command("stop")

    def await_console(self, wanted):
        for line in self.process.stdout:
            if line.startswith((b"BAD", b"CUT BAD")):
                raise RuntimeError(f"the guest found its memory wrong: {line}")
            if re.match(wanted, line):
                return

    def await_writing(self):
        self.await_console(b"READY")
        self.await_console(b"TICK")

    def check(self):
        self.await_console(b"CUT ok")
        self.await_console(b"CUT ok")


class GodwitMachine(Machine):
    """The workload machine: standing, its vCPU writes nothing; writing, it goes through its working set."""

    @classmethod
    def standing(cls, folder, mib, content, incoming):
        return cls.run(folder, incoming, "--ram", f"{mib}M", "--rate", "0", "--zero-pages", str(ZERO_PERCENT[content]))

    @classmethod
    def writing(cls, folder, pages_per_second, incoming):
        return cls.run(folder, incoming, "--ram", f"{WRITING_MIB}M", "--rate", str(pages_per_second), "--pattern",
                       "sequential", "--working-set", f"{HOT_MIB}M", "--zero-pages", "25")

    @classmethod
    def run(cls, folder, incoming, *arguments):
        qmp = pathlib.Path(folder) / f"g{next(NUMBERS)}"
        return cls([str(GODWIT), "run", "--quiet", "--machine", "workload", *arguments, "--qmp", f"unix:{qmp}",
                    *(["--incoming", "defer"] if incoming else [])], qmp, stderr=subprocess.DEVNULL)

    def await_writing(self):
        before = self.command("x-godwit-load")["written-pages"]
        while self.command("x-godwit-load")["written-pages"] < before + HOT_MIB * 256:
            time.sleep(0.05)

    def check(self):
        answer = self.command("x-godwit-verify")
        if not answer["sound"]:
            raise RuntimeError(f"the machine found its memory wrong: {answer}")


def fill(path, mib, content):
    """Pages of random bytes and of zeros, each page by lot, always the same.

    Made as the workload machine makes its pages: 32 bytes of their own and a slice of a random MiB. A compressor with a
    window finds such pages again, and is to have the same work on both sides.
    """
    source = random.Random(25)
    pool = memoryview(source.randbytes((1 << 20) + 4096))
    with open(path, "wb") as file:
        file.truncate(mib << 20)
        for page in range(mib * 256):
            if source.randrange(100) >= ZERO_PERCENT[content]:
                file.seek(page * 4096)
                start = source.randrange(0, 1 << 20, 8)
                file.write(source.randbytes(32))
                file.write(pool[start:start + 4064])
