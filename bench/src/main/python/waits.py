"""How long a guest's vCPUs wait for missing pages, measured from outside and so in the same way for every program: the
kernel's scheduler says when a thread goes to sleep in handle_userfault, and when it runs again. Needs perf, and the right to
watch all of the machine.
"""

import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import time

from programs import LONGEST_S

SWITCH = re.compile(r"([\d.]+):\s+sched:sched_switch:.*?"
                    r"(?:prev_pid=(\d+).*?next_pid=(\d+)|:(\d+) \[\d+\] \S+ ==> .*?:(\d+) \[)")


class Waits:
    """Watches between enter and exit; figures() then tells."""

    def __init__(self, threads, folder):
        self.threads = threads
        self.data = pathlib.Path(folder) / "waits.data"
        self.said = pathlib.Path(folder) / "waits.said"
        self.us = []

    @staticmethod
    def missing():
        return None if shutil.which("perf") else "no perf (apt-get install linux-perf, say)"

    def __enter__(self):
        mine = " || ".join(f"prev_pid=={thread} || next_pid=={thread}" for thread in self.threads)
        self.data.unlink(missing_ok=True)
        with open(self.said, "wb") as said:
            self.perf = subprocess.Popen(["perf", "record", "-q", "-a", "-g", "-m", "2048", "-e", "sched:sched_switch", "--filter",
                                          mine, "-o", str(self.data)], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        deadline = time.monotonic() + LONGEST_S
        while not (self.data.exists() and self.data.stat().st_size):  # the file has its header when the events are on
            if self.perf.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"perf does not record: {self.said.read_text()[:300]}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.perf.send_signal(signal.SIGINT)
        self.perf.wait(LONGEST_S)
        script = subprocess.run(["perf", "script", "-i", str(self.data), "-F", "time,event,trace,ip,sym", "--ns"], check=True,
                                capture_output=True, text=True, errors="replace").stdout
        self.data.unlink()
        asleep = {}
        for event in script.split("\n\n"):
            switch = SWITCH.search(event)
            if switch:
                at_us = float(switch[1]) * 1e6
                left, runs = int(switch[2] or switch[4]), int(switch[3] or switch[5])
                if left in self.threads and "handle_userfault" in event:
                    asleep[left] = at_us
                if runs in asleep:
                    self.us.append(at_us - asleep.pop(runs))

    def figures(self):
        if not self.us:
            return {"waits": 0}
        by_hundred = statistics.quantiles(self.us, n=100, method="inclusive") if len(self.us) > 1 else self.us * 99
        return {"waits": len(self.us), "waited ms": sum(self.us) / 1000, "wait us, mean": statistics.mean(self.us),
                "wait us, median": statistics.median(self.us), "wait us, 99 %": by_hundred[98], "wait us, longest": max(self.us)}
