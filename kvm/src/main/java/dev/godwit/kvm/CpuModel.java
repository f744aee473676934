package dev.godwit.kvm;

import dev.godwit.linux.kvm.CpuidEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What the vCPUs answer to CPUID: all that the host's KVM supports, each vCPU a package of its own.
 *
 * <p>In a device's state it is a buffer, per leaf and subleaf 28 bytes, each number big-endian:
 *
 * <table>
 * <caption>One leaf</caption>
 * <tr><th>offset</th><th>bytes</th><th>what</th></tr>
 * <tr><td>0</td><td>4</td><td>leaf (EAX)</td></tr>
 * <tr><td>4</td><td>4</td><td>subleaf (ECX); {@code 0xffffffff} where it makes no difference</td></tr>
 * <tr><td>8</td><td>16</td><td>the answer: EAX, EBX, ECX, EDX</td></tr>
 * <tr><td>24</td><td>4</td><td>zero</td></tr>
 * </table>
 */
final class CpuModel {

    private static final int ENTRY_BYTES = 28;
    private static final int ANY_SUBLEAF = -1;
    private static final int MOST_ENTRIES = 256;
    private static final int LEAF_1_ECX_TSC_DEADLINE = 1 << 24;
    private static final int LEAF_1_ECX_HYPERVISOR = 1 << 31;

    private CpuModel() {}

    /**
     * {@return the answers of one vCPU}
     *
     * @param supported what the host's KVM supports
     * @param id the vCPU's number, which is its APIC id
     * @param vendor twelve characters for leaves 0 and 0x80000000, in place of the host's
     */
    static List<CpuidEntry> of(
            List<CpuidEntry> supported, int id, int vcpus, boolean hasTscDeadline, Optional<String> vendor) {
        List<CpuidEntry> entries = new ArrayList<>();
        for (CpuidEntry host : supported) {
            entries.add(
                    switch (host.function()) {
                        case 0, 0x80000000 ->
                            vendor.map(name -> withVendor(host, name)).orElse(host);
                        case 1 ->
                            host.answering(
                                    host.eax(),
                                    (host.ebx() & 0xffff) | (1 << 16) | (id << 24),
                                    host.ecx() | LEAF_1_ECX_HYPERVISOR | (hasTscDeadline ? LEAF_1_ECX_TSC_DEADLINE : 0),
                                    host.edx());
                        // Cores and threads of one package: one of each.
                        case 4 -> host.answering(host.eax() & 0x3fff, host.ebx(), host.ecx(), host.edx());
                        case 0xb, 0x1f -> topology(host, id);
                        case 0x80000008 -> host.answering(host.eax(), host.ebx(), host.ecx() & ~0xf0ff, host.edx());
                        case 0x8000001e -> host.answering(id, id, 0, 0);
                        default -> host;
                    });
        }
        return List.copyOf(entries);
    }

    private static CpuidEntry topology(CpuidEntry host, int id) {
        int level = host.index();
        return switch (level) {
            case 0 -> host.answering(0, 1, 0x100, id); // one thread
            case 1 -> host.answering(0, 1, 0x201, id); // of one core
            default -> host.answering(0, 0, level, id);
        };
    }

    private static CpuidEntry withVendor(CpuidEntry host, String vendor) {
        ByteBuffer name =
                ByteBuffer.wrap(vendor.getBytes(StandardCharsets.US_ASCII)).order(ByteOrder.LITTLE_ENDIAN);
        int ebx = name.getInt();
        int edx = name.getInt();
        return host.answering(host.eax(), ebx, name.getInt(), edx);
    }

    static byte[] toBytes(List<CpuidEntry> entries) {
        ByteBuffer bytes = ByteBuffer.allocate(entries.size() * ENTRY_BYTES);
        for (CpuidEntry entry : entries) {
            bytes.putInt(entry.function())
                    .putInt(entry.isIndexed() ? entry.index() : ANY_SUBLEAF)
                    .putInt(entry.eax())
                    .putInt(entry.ebx())
                    .putInt(entry.ecx())
                    .putInt(entry.edx())
                    .putInt(0);
        }
        return bytes.array();
    }

    static List<CpuidEntry> ofBytes(byte[] buffer) throws IOException {
        if (buffer.length % ENTRY_BYTES != 0 || buffer.length / ENTRY_BYTES > MOST_ENTRIES) {
            throw new IOException("%s: expected up to %d CPUID leaves of %d bytes, found %d bytes"
                    .formatted(VcpuState.IDSTR, MOST_ENTRIES, ENTRY_BYTES, buffer.length));
        }
        List<CpuidEntry> entries = new ArrayList<>();
        ByteBuffer bytes = ByteBuffer.wrap(buffer);
        while (bytes.hasRemaining()) {
            int function = bytes.getInt();
            int index = bytes.getInt();
            entries.add(new CpuidEntry(
                    function,
                    index == ANY_SUBLEAF ? 0 : index,
                    index != ANY_SUBLEAF,
                    bytes.getInt(),
                    bytes.getInt(),
                    bytes.getInt(),
                    bytes.getInt()));
            int _ = bytes.getInt();
        }
        return entries;
    }

    /**
     * Refuses a saved vCPU that may use what this host cannot give it.
     *
     * @throws IOException naming the features
     */
    static void checkSupported(List<CpuidEntry> saved, List<CpuidEntry> own) throws IOException {
        List<String> missing = CpuFeatures.missing(saved, own);
        if (!missing.isEmpty()) {
            throw new IOException("%s: the guest may use processor features that this host's KVM lacks: %s"
                    .formatted(VcpuState.IDSTR, missing.stream().collect(Collectors.joining(", "))));
        }
    }
}
