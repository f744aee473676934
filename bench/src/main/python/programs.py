"""Godwit as the comparisons start it, and what the kernel says of a process."""

import json
import os
import pathlib
import subprocess
import time

GODWIT = pathlib.Path(__file__).resolve().parents[4] / "godwit"
LONGEST_S = 300
CPUCLOCK_SCHED = 2  # of the clock that the kernel has for each process


def cpu_seconds(pid):
    """User and system time that a living process has used, and its children that have ended."""
    own = time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)  # in nanoseconds; /proc counts in hundredths of a second
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return own + sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    """What a living process holds of memory that is not a file's."""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return int(lines["RssAnon"].split()[0]) / 1024


def end(process):
    """Kills a process; one of which a recording is made (bench/profile) is asked to end, so that it can write it."""
    if "JDK_JAVA_OPTIONS" in os.environ:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
    process.kill()
    process.wait()


class Godwit:
    """One command, whose processor time and largest memory are known when it has ended."""

    def __init__(self, arguments):
        self.process = subprocess.Popen([str(GODWIT), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True)
        self.ready_cpu = None
        self.cpu = None
        self.cpu_all = None
        self.largest_mib = None

    @staticmethod
    def build():
        """The launcher builds what is older than its sources; not while something is measured."""
        subprocess.run([str(GODWIT), "--version"], check=True, stdout=subprocess.DEVNULL)

    def await_listening(self):
        line = ""
        while "waiting for the source" not in line:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError("godwit receive has ended before it listened")
        self.ready_cpu = cpu_seconds(self.process.pid)

    def cpu_so_far(self):
        """What it has used, whether it has ended or not."""
        return cpu_seconds(self.process.pid) if self.cpu_all is None else self.cpu_all

    def finish(self):
        """What it printed, as JSON."""
        output = self.process.stdout.read()
        errors = self.process.stderr.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise RuntimeError(f"godwit: {errors}")
        self.cpu_all = usage.ru_utime + usage.ru_stime
        self.largest_mib = usage.ru_maxrss / 1024
        if self.ready_cpu is not None:
            self.cpu = self.cpu_all - self.ready_cpu
        return json.loads(output)

    def close(self):
        """Ends it if it has not ended."""
        if self.process.poll() is None:
            end(self.process)
