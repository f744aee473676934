"""The programs that bench/snapshot-comparison starts: QEMU, driven through QMP, and Godwit."""

import json
import os
import pathlib
import socket
import subprocess
import time

GODWIT = pathlib.Path(__file__).resolve().parents[4] / "godwit"
LONGEST_S = 300


def cpu_seconds(pid):
    """User and system time that a living process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Qemu:
    """A stopped guest under TCG, without firmware run, disks or display."""

    def __init__(self, launcher, qmp, memory_mib, memory_file=None, incoming=False):
        pathlib.Path(qmp).unlink(missing_ok=True)
        machine = ["-machine", "pc", "-m", str(memory_mib)]
        if memory_file:
            machine = ["-machine", "pc,memory-backend=pc.ram", "-m", str(memory_mib), "-object",
                       f"memory-backend-file,id=pc.ram,size={memory_mib}M,mem-path={memory_file},share=off,"
                       "x-use-canonical-path-for-ramblock-id=off"]
        self.process = subprocess.Popen(
            [str(launcher), "-accel", "tcg", *machine, "-nodefaults", "-display", "none", "-S",
             *(["-incoming", "defer"] if incoming else []),
             "-chardev", f"socket,id=m0,path={qmp},server=on,wait=off", "-mon", "chardev=m0,mode=control",
             "-chardev", f"socket,id=m1,path={qmp}.own,server=on,wait=off", "-mon", "chardev=m1,mode=control"],
            stdin=subprocess.DEVNULL)
        self.qmp_path = f"{qmp}.own"
        self._connect()

    def _connect(self):
        deadline = time.monotonic() + LONGEST_S
        while True:
            try:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(self.qmp_path)
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.kill()
        self.process.wait()

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def command(self, name, **arguments):
        self.lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def settings(self, mapped=False, channels=0):
        states = {"mapped-ram": mapped, "multifd": channels > 0}
        self.command("migrate-set-capabilities",
                     capabilities=[{"capability": name, "state": state} for name, state in states.items()])
        self.command("migrate-set-parameters", **{"max-bandwidth": 1 << 50, "multifd-channels": channels or 2})

    def migrate(self, uri, mapped=False, channels=0):
        self.make_ready()
        self.settings(mapped, channels)
        self.command("migrate", uri=uri)
        self.await_migration()

    def make_ready(self):
        """A guest that has been migrated can be so again once it has run: here for an instant, in its firmware."""
        if self.command("query-status")["status"] == "postmigrate":
            self.command("cont")
            self.command("stop")

    def incoming(self, uri, mapped=False, channels=0):
        self.settings(mapped, channels)
        self.command("migrate-incoming", uri=uri)

    def await_migration(self):
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            answer = self.command("query-migrate")
            if answer.get("status") == "completed":
                return
            if answer.get("status") in ("failed", "cancelled"):
                raise RuntimeError(f"the migration failed: {answer.get('error-desc')}")
            time.sleep(0.005)
        raise RuntimeError("the migration does not end")


class Godwit:
    """One command, whose processor time is known when it has ended."""

    def __init__(self, arguments):
        self.process = subprocess.Popen([str(GODWIT), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True)
        self.ready_cpu = None
        self.cpu = None
        self.cpu_all = None

    def await_listening(self):
        line = ""
        while "waiting for the source" not in line:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError("godwit receive has ended before it listened")
        self.ready_cpu = cpu_seconds(self.process.pid)

    def finish(self):
        """What it printed, as JSON."""
        output = self.process.stdout.read()
        errors = self.process.stderr.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise RuntimeError(f"godwit: {errors}")
        self.cpu_all = usage.ru_utime + usage.ru_stime
        if self.ready_cpu is not None:
            self.cpu = self.cpu_all - self.ready_cpu
        return json.loads(output)
