"""What the comparisons in bench/ have in common: their options, and the rows that they measure.

A row is what one side ("QEMU", "Godwit", …) did in one way, in all rounds: for each measure a list of figures, one a round. Of
a measure whose name ends with "/s" or "/s synced" more is better, of any other less. Rows are written as JSON, for ./godwit bench, after each
figure, so that nothing is lost where something hangs later; and printed as Markdown.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import traceback

from programs import Godwit

BENCH = pathlib.Path(__file__).resolve().parents[3]
GIB = 1 << 30
MIB = 1 << 20
CONTENTS = {"half": "half random, half zero pages", "random": "random pages", "zero": "zero pages"}


def spread(values, digits=None):
    """The median, with the smallest and largest behind it."""
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    median = statistics.median(values)
    if digits is None:
        digits = 0 if abs(median) >= 100 else 1 if abs(median) >= 10 else 2 if abs(median) >= 0.1 else 3
    return f"{median:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def warm(path):
    """Brings a file into the page cache, whoever wrote it and how."""
    with open(path, "rb", buffering=0) as file:
        while file.read(MIB):
            pass


def cold(path):
    """Throws a file out of the page cache."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


class Rows:
    def __init__(self, file=None, only=None):
        self.file = file and pathlib.Path(file)
        self.only = only
        self.rows = {}

    def is_wanted(self, *names):
        return not self.only or any(self.only in name for name in names)

    def row(self, group, way, who, at=None):
        """The row of a side; at is (axis, number) where a group shows how something grows."""
        key = group, way, who, at
        if key not in self.rows:
            self.rows[key] = {"group": group, "way": way, "who": who, "measures": {}, "errors": []}
            if at:
                self.rows[key].update(axis=at[0], at=at[1])
        return self.rows[key]

    def add(self, group, way, who, measures, at=None):
        row = self.row(group, way, who, at)
        for name, value in measures.items():
            if value is not None:
                row["measures"].setdefault(name, []).append(value)
        figures = ", ".join(f"{name} {value:.3f}" for name, value in measures.items() if value is not None)
        print(f"{group}: {at[1] if at else ''} {way}, {who}: {figures}", file=sys.stderr, flush=True)
        self.write()

    def fail(self, group, way, who, error, at=None):
        self.row(group, way, who, at)["errors"].append(f"{type(error).__name__}: {error}"[:500])
        print(f"{group}: {way}, {who} FAILED: {error}", file=sys.stderr, flush=True)
        traceback.print_exception(error, file=sys.stderr)
        self.write()

    def attempt(self, group, way, who, run, at=None):
        """Adds what run measures, or that it failed; says whether it did not."""
        try:
            self.add(group, way, who, run(), at)
            return True
        except Exception as error:  # the others are to be measured all the same, and this is to be seen
            self.fail(group, way, who, error, at)
            return False

    def write(self):
        if self.file:
            part = self.file.with_name(self.file.name + ".part")
            part.write_text(json.dumps({"rows": list(self.rows.values())}, indent=1))
            part.rename(self.file)

    def print(self, group):
        rows = [row for row in self.rows.values() if row["group"] == group]
        if not rows:
            return
        measures = list(dict.fromkeys(name for row in rows for name in row["measures"]))
        rounds = max((len(values) for row in rows for values in row["measures"].values()), default=0)
        axis = next((row["axis"] for row in rows if "axis" in row), None)
        head = [*([axis] if axis else []), "way", "who", *measures]
        print(f"\n**{group}; {rounds} rounds**\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for row in rows:
            cells = [*([str(row["at"])] if axis else []), row["way"], row["who"]]
            cells += [spread(row["measures"].get(name, [])) for name in measures]
            print(f"| {' | '.join(cells)} |{' failed: ' + row['errors'][0] if row['errors'] else ''}")
        sys.stdout.flush()


def arguments_of(description, folder, rounds=5, needs_qemu=True, options=()):
    """Parses the options that all have, and those given as (name, keywords); builds Godwit; makes the folder."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, keywords in options:
        parser.add_argument(name, **keywords)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"(default: {rounds})")
    parser.add_argument("--only", metavar="TEXT", help="only the ways or sides whose name holds the text")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--folder", type=pathlib.Path, default=BENCH / "target" / folder,
                        help="for files and sockets, on the disk that counts")
    parser.add_argument("--peers", type=pathlib.Path, default=pathlib.Path(os.environ.get("GODWIT_PEERS", BENCH.parent / ".peers")))
    arguments = parser.parse_args()
    if needs_qemu and not os.access(arguments.peers / "bin/qemu-10.0", os.X_OK):
        sys.exit(f"no QEMU 10.0 in {arguments.peers}: bin/peers fetches it")
    os.makedirs(arguments.folder, exist_ok=True)
    Godwit.build()
    return arguments
