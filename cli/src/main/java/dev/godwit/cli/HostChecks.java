package dev.godwit.cli;

import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.linux.Errno;
import dev.godwit.linux.Host;
import dev.godwit.linux.HugePages;
import dev.godwit.linux.Kvm;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.linux.Userfaultfd.Way;
import dev.godwit.linux.UserfaultfdFeature;
import dev.godwit.transport.ByteSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** What the doctor asks of the JDK and the kernel. */
final class HostChecks {

    private HostChecks() {}

    static List<Finding> all() throws LinuxException {
        List<Finding> findings = new ArrayList<>();
        findings.add(Finding.ok("jdk", "JDK " + Runtime.version() + " (" + System.getProperty("java.vendor") + ")"));
        findings.add(Finding.ok("kernel", "Linux " + Host.kernelRelease() + " on " + Host.architecture()));
        findings.addAll(userfaultfd());
        findings.addAll(postcopy());
        findings.add(dirtyLog());
        findings.add(kvm());
        findings.add(hugePages());
        return findings;
    }

    private static List<Finding> userfaultfd() {
        List<Finding> findings = new ArrayList<>();
        Set<UserfaultfdFeature> features = new TreeSet<>();
        boolean kernelFaults = false;
        for (Way way : Way.values()) {
            String name = "userfaultfd." + way.name().toLowerCase(Locale.ROOT).replace('_', '-');
            switch (Userfaultfd.probe(way)) {
                case Userfaultfd.Support.Available(Set<UserfaultfdFeature> offered) -> {
                    features.addAll(offered);
                    kernelFaults |= way != Way.USER_MODE_ONLY;
                    findings.add(Finding.ok(name, "userfaultfd by " + words(way)));
                }
                case Userfaultfd.Support.Refused(Errno errno) ->
                    findings.add(
                            Finding.limited(name, "userfaultfd by " + words(way) + ": " + errno, remedy(way, errno)));
            }
        }
        if (features.isEmpty()) {
            findings.add(Finding.missing(
                    "userfaultfd",
                    "no userfaultfd for this user: no postcopy here",
                    "sudo sysctl vm.unprivileged_userfaultfd=1"));
        } else {
            findings.add(Finding.ok(
                    "userfaultfd.features",
                    "userfaultfd features: " + features.stream().map(Enum::name).collect(Collectors.joining(", "))));
        }
        if (!features.isEmpty() && !kernelFaults) {
            findings.add(Finding.limited(
                    "userfaultfd.kernel-faults",
                    "only faults of user code: KVM guests cannot have their RAM on demand",
                    "sudo sysctl vm.unprivileged_userfaultfd=1"));
        }
        return findings;
    }

    private static String words(Way way) {
        return switch (way) {
            case DEVICE -> "/dev/userfaultfd";
            case SYSTEM_CALL -> "the system call, faults of the kernel included";
            case USER_MODE_ONLY -> "the system call, faults of user code only";
        };
    }

    private static String remedy(Way way, Errno errno) {
        if (errno.equals(Errno.ENOSYS)) {
            return "a kernel built with CONFIG_USERFAULTFD";
        }
        return switch (way) {
            case DEVICE ->
                errno.equals(Errno.ENOENT)
                        ? "Linux 6.1 or later has the device; the system call serves as well"
                        : "sudo chmod 0666 /dev/userfaultfd   (to keep it: a udev rule with KERNEL==\"userfaultfd\", MODE=\"0666\")";
            case SYSTEM_CALL -> "sudo sysctl vm.unprivileged_userfaultfd=1";
            case USER_MODE_ONLY -> "Linux 5.11 or later; a container may forbid the call by its seccomp profile";
        };
    }

    /** The words are those by which the capability postcopy-ram is refused. */
    private static List<Finding> postcopy() {
        List<Finding> findings = new ArrayList<>();
        for (RamBacking kind : RamBacking.values()) {
            for (boolean kernelFaults : new boolean[] {false, true}) {
                String guests = kernelFaults ? "KVM guests" : "workload guests";
                String name = "postcopy." + kind.name().toLowerCase(Locale.ROOT).replace('_', '-')
                        + (kernelFaults ? ".kvm" : "");
                String memory = switch (kind) {
                    case ANONYMOUS -> "anonymous memory";
                    case MEMFD -> "shared memory";
                    case HUGETLB_2M -> "huge pages of 2 MiB";
                };
                List<String> refusals = PostcopySupport.of(kind, kernelFaults).refusals();
                String text = "postcopy of %s to here, on %s".formatted(guests, memory);
                findings.add(
                        refusals.isEmpty()
                                ? Finding.ok(name, text)
                                : Finding.limited(
                                        name, text + ": " + String.join("; ", refusals), "see userfaultfd above"));
            }
        }
        return findings;
    }

    private static Finding dirtyLog() {
        Optional<String> missing = PagemapDirtyLog.missing();
        return missing.isEmpty()
                ? Finding.ok("dirty-log", "written pages of any memory are found by asynchronous write protection")
                : Finding.limited(
                        "dirty-log",
                        missing.get() + "; live migration of the workload machine needs it, a KVM machine does not",
                        "Linux 6.7 or later, and for this user a userfaultfd");
    }

    private static Finding kvm() {
        return switch (Kvm.probe()) {
            case Kvm.Support.Available(int apiVersion) -> Finding.ok("kvm", "KVM, API version " + apiVersion);
            case Kvm.Support.Refused(Errno errno)
            when errno.equals(Errno.EACCES) ->
                Finding.limited(
                        "kvm", "KVM: /dev/kvm is not for this user", "sudo usermod -aG kvm $USER, and log in again");
            case Kvm.Support.Refused(Errno errno) ->
                Finding.limited(
                        "kvm",
                        "KVM: /dev/kvm: " + errno + "; QEMU emulates instead, slowly",
                        "sudo modprobe kvm_intel || sudo modprobe kvm_amd   (in a virtual machine: nested virtualisation on its host)");
        };
    }

    private static Finding hugePages() {
        List<String> pools = new ArrayList<>();
        long pages = 0;
        for (HugePages pool : HugePages.pools()) {
            pages += pool.totalPages();
            pools.add(pool.totalPages() + " of " + ByteSize.format(pool.pageSizeBytes()) + " (" + pool.freePages()
                    + " free)");
        }
        String text = "huge pages: " + (pools.isEmpty() ? "none in this kernel" : String.join(", ", pools));
        return pages > 0
                ? Finding.ok("huge-pages", text)
                : Finding.limited(
                        "huge-pages",
                        text,
                        "sudo sysctl vm.nr_hugepages=512   (only for guests with RAM on huge pages)");
    }
}
