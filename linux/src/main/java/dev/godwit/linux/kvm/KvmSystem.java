package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The device {@code /dev/kvm}: what this host's KVM can do, and the maker of machines. Owns its descriptor. */
public final class KvmSystem implements AutoCloseable {

    /** The only version of KVM's interface that programs are meant to use. */
    public static final int API_VERSION = 12;

    private static final String DEVICE = "/dev/kvm";
    private static final int MOST_MSRS = 4096;
    private static final int MOST_CPUID_ENTRIES = 256;

    private final int fd;

    private KvmSystem(int fd) {
        this.fd = fd;
    }

    /**
     * {@return the opened device}
     *
     * @throws LinuxException with {@link Errno#ENOENT} without KVM, {@link Errno#EACCES} without the right to it
     */
    public static KvmSystem open() throws LinuxException {
        KvmSystem system = new KvmSystem(KvmCalls.open(DEVICE));
        long version = KvmCalls.ioctl(system.fd, KvmRequests.KVM_GET_API_VERSION, 0L);
        if (version != API_VERSION) {
            system.close();
            throw new LinuxException(
                    "ioctl", Errno.EINVAL, "KVM_GET_API_VERSION: expected " + API_VERSION + ", found " + version);
        }
        return system;
    }

    /** {@return what the kernel says of a capability: 0 where it lacks it, else 1 or a number with a meaning} */
    public int check(KvmCapability capability) {
        return (int) Math.max(0, KvmCalls.ioctl(fd, KvmRequests.KVM_CHECK_EXTENSION, (long) capability.number()));
    }

    /** {@return the CPUID answers that this host and kernel can give a guest} */
    public List<CpuidEntry> supportedCpuid() throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = CpuidTable.allocate(arena, MOST_CPUID_ENTRIES);
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_GET_SUPPORTED_CPUID, table, "KVM_GET_SUPPORTED_CPUID");
            return CpuidTable.read(table);
        }
    }

    /** {@return the numbers of the MSRs that have to be saved with a guest} */
    public List<Integer> msrIndexes() throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(4 + 4L * MOST_MSRS, 8);
            table.set(JAVA_INT, 0, MOST_MSRS);
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_GET_MSR_INDEX_LIST, table, "KVM_GET_MSR_INDEX_LIST");
            List<Integer> indexes = new ArrayList<>();
            for (int i = 0; i < table.get(JAVA_INT, 0); i++) {
                indexes.add(table.get(JAVA_INT, 4 + 4L * i));
            }
            return List.copyOf(indexes);
        }
    }

    /** {@return a new machine without memory, vCPUs or devices} */
    public KvmVm createVm() throws LinuxException {
        int vmFd = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_CREATE_VM, 0L, "KVM_CREATE_VM");
        int runBytes = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_GET_VCPU_MMAP_SIZE, 0L, "KVM_GET_VCPU_MMAP_SIZE");
        return new KvmVm(vmFd, runBytes);
    }

    @Override
    public void close() {
        KvmCalls.close(fd);
    }
}
