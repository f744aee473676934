package dev.godwit.bench.report;

import dev.godwit.bench.report.Target.Fixed;
import dev.godwit.bench.report.Target.Limit;
import dev.godwit.bench.report.Target.Peer;
import dev.godwit.bench.report.Target.Reference;
import dev.godwit.bench.report.Target.Smallest;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** What Godwit is to reach, row by row: ahead of QEMU on the same work, and close to what the machine allows. */
final class Targets {

    private static final String QEMU = "QEMU";
    private static final String SPEED = "GiB/s";
    private static final String SYNCED = "GiB/s synced";
    private static final String CPU = "cpu-s/GiB";
    private static final String ALL = ".*";

    private final List<Target> targets = new ArrayList<>();

    private Targets() {}

    /** {@return all of them} */
    static List<Target> all() {
        Targets made = new Targets();
        made.kernels();
        made.commands();
        made.snapshots();
        made.files();
        made.migrations();
        made.backgrounds();
        made.restores();
        return List.copyOf(made.targets);
    }

    private void add(String name, String group, String way, String measure, double factor, Reference reference) {
        targets.add(new Target(name, Pattern.compile(group), Pattern.compile(way), measure, factor, reference));
    }

    /** As good as QEMU in the same way. */
    private void peer(String name, String group, String way, String measure) {
        add(name, group, way, measure, 1, new Peer(QEMU, "$1", measure));
    }

    private void kernel(String way, double factor, Reference reference) {
        add("kernels", ALL, way, SPEED, factor, reference);
    }

    private void kernels() {
        Limit copy = new Limit("memcpy", SPEED);
        kernel("zero-page scan.*", 0.8, new Limit("zero scan", SPEED));
        kernel("hashing.*", 1, copy);
        for (String runs : List.of("1", "6", "32")) {
            String words = runs.equals("1") ? " run" : " runs";
            kernel("XBZRLE encode, changedRuns " + runs, 1, new Limit("XBZRLE encode, " + runs + words, SPEED));
        }
        kernel("XBZRLE decode.*", 0.5, copy);
        kernel("bitmap.*(scan|count)", 0.5, copy);
        kernel("bitmap.*merge", 0.5, new Limit("bitmap merge", SPEED));
        kernel("parser, ordinary.*", 1, new Limit("loopback unix", SPEED));
        add("kernels", ALL, "parser, hostile.*", "streams/s", 1, new Fixed(10_000, "as many as a host may meet"));
        kernel("RAM to a socket, transport tcp", 0.8, new Limit("loopback tcp", SPEED));
        kernel("RAM to a socket, transport unix", 0.8, new Limit("loopback unix", SPEED));
        kernel("pages hashed and written.* 1", 0.8, new Limit("tmpfs write by 4 KiB", SPEED));
        kernel("pages hashed and written.* 128", 0.5, new Limit("tmpfs write by 1 MiB", SPEED));
    }

    private void commands() {
        Peer bare = new Peer("bare JVM", "--version", "ms");
        add("command", "Start.*", "--version", "ms", 3, bare);
        add("command", "Start.*", "snapshot --help", "ms", 5, bare);
        add("command", "Start.*", "doctor", "ms", 10, bare);
        add("command", "Largest.*", ALL, "largest MiB", 1.25, new Smallest());
    }

    private void snapshots() {
        String mapped = "stop and save, mapped-ram";
        add("snapshot", "Saving.*", ALL, SYNCED, 1, new Peer(QEMU, mapped, SYNCED));
        add("snapshot", "Saving.*", ALL, CPU + " with start", 1, new Peer(QEMU, mapped, CPU));
        peer("snapshot", "Receiving.*", ALL, SPEED);
        peer("snapshot", "Receiving.*", ALL, CPU);
        add("snapshot", "Receiving.*", ALL, CPU + " with start", 1, new Peer(QEMU, "$1", CPU));
        add("snapshot", "Loading.*", "restore.*", SPEED, 1, new Peer(QEMU, "QEMU's classic file", SPEED));
    }

    private void files() {
        peer("files", ALL, "save, .*", SYNCED);
        peer("files", ALL, "load, .*", SPEED);
        peer("files", ALL, ALL, CPU);
        add("files", ALL, "save, .*direct I/O", SYNCED, 0.7, new Peer("the disk, raw", "save, direct I/O", SYNCED));
        add("files", ALL, "save, (?!.*direct).*", SYNCED, 0.7, new Peer("the disk, raw", "save", SYNCED));
    }

    private void migrations() {
        String standing = "A standing.*";
        peer("precopy", standing, ALL, SPEED);
        peer("precopy", standing, ALL, "source " + CPU);
        peer("precopy", standing, ALL, "destination " + CPU);
        for (String measure : List.of("s", "downtime ms", "source cpu-s", "destination cpu-s")) {
            peer("precopy", "A guest.*", ALL, measure);
        }
        for (String measure : List.of("downtime ms", "total ms", "blocktime ms", "source cpu-s", "destination cpu-s")) {
            peer("postcopy", ALL, ALL, measure);
        }
        String yardstick = "C, with a userfaultfd";
        for (String wait : List.of("wait us, median", "wait us, 99 %")) {
            add("postcopy", "(?!.*scheduler).*at once.*", ALL, wait, 2, new Peer(yardstick, "$1", wait));
        }
        for (String seen :
                List.of("wait us, median", "wait us, mean", "wait us, 99 %", "wait us, longest", "waited ms")) {
            peer("postcopy", ".*scheduler.*", ALL, seen);
        }
    }

    private void backgrounds() {
        for (String measure : List.of("s", "pause ms", "cpu-s")) {
            peer("background", ALL, "background|stop and save", measure);
            add("background", ALL, "background by.*", measure, 1, new Peer(QEMU, "background", measure));
        }
    }

    private void restores() {
        String first = "first line ms";
        String loading = "loading ms";
        String complete = "all RAM there s";
        String asked = "pages asked for";
        String runs = "guest runs ms";
        add("restore", ALL, "lazy, [^,]*, (.*)", first, 1, new Peer(QEMU, "file, $1", first));
        add("restore", ALL, "eager, (.*)", first, 1, new Peer(QEMU, "file, $1", first));
        add("restore", ALL, "eager, (.*)", CPU, 1, new Peer(QEMU, "file, $1", CPU));
        add("restore", ALL, "lazy, .*", CPU, 1, new Peer(QEMU, "postcopy, in memory", CPU));
        add("restore", ALL, "lazy, recorded, (.*)", asked, 0.1, new Peer("Godwit", "lazy, fault-forward, $1", asked));
        add("restore", ALL, "mapped, (.*)", first, 2, new Peer(QEMU, "template, $1", first));
        add("restore", ALL, "mapped, (.*)", loading, 1, new Peer(QEMU, "template, $1", loading));
        add("restore", ALL, "(lazy|mapped), .*", runs, 1.5, new Smallest());
        add("restore", ALL, "run --load --lazy", "first write ms", 1.5, new Smallest());
        add("restore", ALL, "run --load .*", complete, 1, new Peer(QEMU, "-incoming file:", complete));
        add("restore", ALL, "run --load .*", CPU, 1, new Peer(QEMU, "-incoming file:", CPU));
        String last = "last first line ms";
        String resident = "resident MiB each";
        add("clones", ALL, "lazy.*", last, 1, new Peer(QEMU, "file", last));
        add("clones", ALL, "lazy.*", resident, 1, new Peer(QEMU, "file", resident));
        add("clones", ALL, "mapped", last, 2, new Peer(QEMU, "template", last));
        add("clones", ALL, "mapped", resident, 1.1, new Peer(QEMU, "template", resident));
    }
}
