"""A program whose memory is kept by fork(): the child writes it to a file, while the parent goes on writing it.

Started with MIB, HOT_MIB, PAGES_PER_SECOND and a file's name; for each line that it reads it takes one snapshot and answers
with JSON: seconds to the synced file, seconds in which fork() held it up, longest wait of a write meanwhile, cpu seconds.
"""

import ctypes
import json
import mmap
import os
import random
import sys
import threading
import time


class Writer(threading.Thread):
    """Goes through the hot memory, one page after the other, at a rate; memset is called without Python's lock."""

    def __init__(self, memory, hot_pages, pages_per_second):
        super().__init__(daemon=True)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self.hot_pages = hot_pages
        self.pages_per_second = pages_per_second
        self.longest = 0

    def run(self):
        page = 0
        next_time = time.perf_counter()
        while True:
            for _ in range(16):
                start = time.perf_counter()
                ctypes.memset(self.address + page % self.hot_pages * 4096, page & 0xff | 1, 64)
                self.longest = max(self.longest, time.perf_counter() - start)
                page += 1
            next_time += 16 / self.pages_per_second
            time.sleep(max(0, next_time - time.perf_counter()))


def snapshot(memory, name, writer):
    cpu = os.times()
    writer.longest = 0
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        with open(name, "wb", buffering=0) as file:
            view = memoryview(memory)
            for at in range(0, len(memory), 1 << 20):
                file.write(view[at:at + (1 << 20)])
            os.fsync(file.fileno())
        os._exit(0)
    forked = time.perf_counter()
    os.waitpid(child, 0)
    end = time.perf_counter()
    now = os.times()
    used = sum(now[:4]) - sum(cpu[:4])
    return {"seconds": end - start, "pause": forked - start, "longest": writer.longest, "cpu": used}


def main():
    mib, hot_mib, rate = map(int, sys.argv[1:4])
    memory = mmap.mmap(-1, mib << 20)
    block = random.Random(25).randbytes(1 << 20)
    for at in range(0, mib << 20, 1 << 20):
        memory[at:at + (1 << 20)] = block
    writer = Writer(memory, hot_mib * 256, rate)
    writer.start()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(snapshot(memory, sys.argv[4], writer)), flush=True)


main()
