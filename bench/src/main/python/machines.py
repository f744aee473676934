"""The machines of the comparisons: QEMU's and Godwit's, driven by the same QMP commands."""

import collections
import itertools
import json
import mmap
import os
import pathlib
import random
import re
import select
import socket
import subprocess
import time

from programs import GODWIT, LONGEST_S, cpu_seconds, end

WRITING_MIB = 512  # a guest that writes; both sides' are used up, since memory that a guest has never touched costs nothing
HOT_MIB = 128
FIXED_MIB = 320  # of QEMU's guest, a quarter of it zero; the rest is its kernel's
NUMBERS = itertools.count()
ZERO_PERCENT = {"random": 0, "half": 50, "zero": 100}
HOST_MEMORY = ("--host-memory", dict(default="warm", choices=("warm", "cold"), help="of what is restored or migrated (default: warm)"))
SPARE_MIB = 256  # of warm memory: what a destination takes besides its guest's RAM
CAPABILITIES = ("events", "multifd", "return-path", "mapped-ram", "xbzrle", "background-snapshot")
UNLIMITED = 1 << 50
SILENCE_S = 0.5
COLD_S = 10  # half of the memory is warm still after three


class Lines:
    """A control socket's lines, with a limit of patience for each."""

    def __init__(self, connection):
        self.connection = connection
        self.pending = b""

    def readline(self, seconds=LONGEST_S):
        while b"\n" not in self.pending:
            if not select.select([self.connection], [], [], seconds)[0]:
                raise TimeoutError(f"nothing on the control socket for {seconds} s")
            piece = self.connection.recv(1 << 16)
            if not piece:
                raise ConnectionError("the control socket was closed: the machine has ended")
            self.pending += piece
        line, _, self.pending = self.pending.partition(b"\n")
        return line

    def write(self, text):
        self.connection.sendall(text.encode())


class Machine:
    def __init__(self, command, qmp, **options):
        qmp.unlink(missing_ok=True)
        self.qmp = qmp
        self.godwit_qmp = None
        self.events = collections.deque()
        self.moments = {}
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
        self.lines = Lines(connection)
        self.lines.readline()
        self.command("qmp_capabilities")

    def close(self):
        end(self.process)
        self.qmp.unlink(missing_ok=True)
        if self.godwit_qmp:
            self.godwit_qmp.unlink(missing_ok=True)

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def command(self, name, **arguments):
        self.lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        while True:
            answer = json.loads(self.lines.readline())
            if "event" in answer:
                self.events.append(self.noted(answer))
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def configure(self, *capabilities, **parameters):
        """Sets these capabilities and no others, but for the events, and no limit of the bandwidth."""
        states = [{"capability": name, "state": name in ("events", *capabilities)} for name in CAPABILITIES]
        self.command("migrate-set-capabilities", capabilities=states)
        given = {name.replace("_", "-"): value for name, value in parameters.items()}
        self.command("migrate-set-parameters", **{"max-bandwidth": UNLIMITED, **given})
        self.events.clear()

    def settings(self, channels, compression, *more):
        self.configure("return-path", *(["multifd"] if channels else []), *more, multifd_channels=channels or 2,
                       multifd_compression=compression)

    def noted(self, event):
        """Remembers when this kind of event happened last, in seconds, by the machine's own clock."""
        self.moments[event["event"]] = event["timestamp"]["seconds"] + event["timestamp"]["microseconds"] / 1e6
        return event

    def await_event(self):
        """The next event. Where none comes the machine is asked, since QEMU has been seen to end without saying so."""
        deadline = time.monotonic() + LONGEST_S
        while not self.events:
            try:
                answer = json.loads(self.lines.readline(SILENCE_S))
                if "event" in answer:
                    return self.noted(answer)
            except TimeoutError:
                status = self.command("query-migrate").get("status")
                if not self.events and status in ("completed", "failed", "cancelled"):
                    return {"event": "MIGRATION", "data": {"status": status}}
                if time.monotonic() > deadline:
                    raise
        return self.events.popleft()

    def await_migration(self):
        """Returns the highest dirty-pages-rate of the passes. Woken by events: nobody is to pay for being asked."""
        rate = None
        while True:
            event = self.await_event()
            status = event.get("data", {}).get("status")
            if event.get("event") == "MIGRATION_PASS":
                rate = max(self.command("query-migrate").get("ram", {}).get("dirty-pages-rate", 0), rate or 0) or rate
            elif event.get("event") == "MIGRATION" and status == "completed":
                return rate
            elif event.get("event") == "MIGRATION" and status in ("failed", "cancelled"):
                raise RuntimeError(f"the migration failed: {self.command('query-migrate').get('error-desc')}")


class QemuMachine(Machine):
    """Standing: no firmware is run. Writing: a small Linux under TCG whose only program writes memory and checks it."""

    def __init__(self, command, qmp, **options):
        super().__init__(command, qmp, **options)
        self.godwit_qmp = pathlib.Path(f"{qmp}.godwit")

    @classmethod
    def standing(cls, folder, peers, mib, content, incoming):
        qmp = pathlib.Path(folder) / f"q{next(NUMBERS)}"
        command = [*cls.base(peers, qmp, mib, incoming), "-S"]
        if incoming:
            return cls(command, qmp)
        path = pathlib.Path(folder) / f"memory{next(NUMBERS)}"
        try:
            fill(path, mib, content)
            machine = cls([*command, *private_memory(path, mib), "-machine", "pc,memory-backend=pc.ram"], qmp)
            machine.touch()
            return machine
        finally:
            path.unlink(missing_ok=True)

    @classmethod
    def anonymous(cls, folder, peers, mib, content):
        """A standing one whose memory is no file's, as a background snapshot demands."""
        first = cls.standing(folder, peers, mib, content, False)
        try:
            machine = cls.standing(folder, peers, mib, content, True)
            uri = f"unix:{pathlib.Path(folder) / f'a{next(NUMBERS)}'}"
            machine.configure()
            machine.command("migrate-incoming", uri=uri)
            first.migrate(uri)
            machine.await_migration()
            return machine
        finally:
            first.close()

    def migrate(self, uri, *capabilities, **parameters):
        """Migrates a standing guest away, to the end; it can be migrated again."""
        self.make_ready()
        self.configure(*capabilities, **parameters)
        self.command("migrate", uri=uri)
        self.await_migration()

    @classmethod
    def writing(cls, folder, peers, pages_per_second, incoming):
        qmp = pathlib.Path(folder) / f"q{next(NUMBERS)}"
        pause_us = 16 * 1_000_000 // pages_per_second  # the guest pauses after each 16 pages
        append = (f"console=ttyS0 quiet panic=-1 godwit.fixed_mib={FIXED_MIB} godwit.hot_mib={HOT_MIB} "
                  f"godwit.pause_us={pause_us}")
        machine = cls([*cls.base(peers, qmp, WRITING_MIB, incoming), "-serial", "stdio", "-kernel",
                       str(peers / "vmlinuz"), "-initrd", str(peers / "initramfs"), "-append", append],
                      qmp, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return machine

    @staticmethod
    def base(peers, qmp, mib, incoming):
        return [str(peers / "bin/qemu-10.0"), "-accel", "tcg", "-m", str(mib), "-nodefaults", "-display", "none",
                "-chardev", f"socket,id=m0,path={qmp},server=on,wait=off", "-mon", "chardev=m0,mode=control",
                "-qmp", f"unix:{qmp}.godwit,server=on,wait=off",
                *(["-incoming", "defer"] if incoming else [])]

    def touch(self):
        """The first reading of all memory makes its page tables, which nobody is to pay for alone."""
        self.configure()
        self.command("migrate", uri="exec:cat > /dev/null")
        self.await_migration()
        self.make_ready()

    def make_ready(self):
        """A guest that has been migrated can be so again once it has run: here for an instant, in its firmware."""
        deadline = time.monotonic() + LONGEST_S
        while (status := self.command("query-status")["status"]) == "finish-migrate":  # for an instant after its last event
            if time.monotonic() > deadline:
                raise TimeoutError("the migration does not end")
            time.sleep(0.005)
        if status == "postmigrate":
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
        self.await_console(rb"TICK \d+ ok \w+ (?!1\b)")  # the second time through what it keeps writing

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


def make_host_memory(state, mib):
    """Makes the free memory that a guest of so many MiB will have at its destination warm or cold.

    The host of a virtual machine takes free memory back after some seconds. Whoever touches a page first then pays several
    times what its copy costs (docs/measurements.md has figures): that is cold. Memory that somebody has just given back is
    warm, and all memory of a machine that is no guest itself. Without either it would be by the moments since a process ended
    what one side finds and the other does not.
    """
    if state == "cold":
        time.sleep(COLD_S)
        return
    child = os.fork()  # whose memory is no part of what the programs are found to have that are started from here
    if child:
        if os.waitpid(child, 0)[1]:
            raise RuntimeError(f"there are no {mib + SPARE_MIB} MiB of free memory to warm")
        return
    status = 1
    try:
        size = mib + SPARE_MIB << 20
        with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.madvise(mmap.MADV_HUGEPAGE)
            for at in range(0, size, mmap.PAGESIZE):
                memory[at] = 1
        status = 0
    finally:
        os._exit(status)


def private_memory(path, mib, share="off"):
    """RAM in a file, under the name that it has without one."""
    return ["-object", f"memory-backend-file,id=pc.ram,size={mib}M,mem-path={path},share={share},"
            "x-use-canonical-path-for-ramblock-id=off"]


def fill(path, mib, content):
    """Pages of random bytes and of zeros, each page by lot, always the same.

    Made as the workload machine makes its pages: 32 bytes of their own (one word that all have, the page's number, a
    generation, a checksum) and a slice of a random MiB. A compressor with a window finds such pages again, what is alike
    in all of them decides whether it leaves them as they are, and it is to have the same work on both sides.
    """
    source = random.Random(25)
    pool = memoryview(source.randbytes((1 << 20) + 4096))
    with open(path, "wb") as file:
        file.truncate(mib << 20)
        for page in range(mib * 256):
            if source.randrange(100) >= ZERO_PERCENT[content]:
                file.seek(page * 4096)
                start = source.randrange(0, 1 << 20, 8)
                file.write(b"ofGodwit" + page.to_bytes(8, "little") + bytes(8) + source.randbytes(8))
                file.write(pool[start:start + 4064])
