package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** {@code struct kvm_cpuid2}: a count, four bytes of padding, then that many {@code kvm_cpuid_entry2}. */
final class CpuidTable {

    private static final long HEAD_BYTES = 8;
    private static final long ENTRY_BYTES = KvmLayouts.CPUID_ENTRY2.byteSize();

    private CpuidTable() {}

    static MemorySegment allocate(Arena arena, int entries) {
        MemorySegment table = arena.allocate(HEAD_BYTES + entries * ENTRY_BYTES, 8);
        table.set(JAVA_INT, 0, entries);
        return table;
    }

    static List<CpuidEntry> read(MemorySegment table) {
        List<CpuidEntry> entries = new ArrayList<>();
        for (int i = 0; i < table.get(JAVA_INT, 0); i++) {
            MemorySegment entry = table.asSlice(HEAD_BYTES + i * ENTRY_BYTES, ENTRY_BYTES);
            int flags = entry.get(JAVA_INT, 8);
            entries.add(new CpuidEntry(
                    entry.get(JAVA_INT, 0),
                    entry.get(JAVA_INT, 4),
                    (flags & KvmRequests.KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0,
                    entry.get(JAVA_INT, 12),
                    entry.get(JAVA_INT, 16),
                    entry.get(JAVA_INT, 20),
                    entry.get(JAVA_INT, 24)));
        }
        return List.copyOf(entries);
    }

    static void write(MemorySegment table, List<CpuidEntry> entries) {
        for (int i = 0; i < entries.size(); i++) {
            CpuidEntry from = entries.get(i);
            MemorySegment entry = table.asSlice(HEAD_BYTES + i * ENTRY_BYTES, ENTRY_BYTES);
            entry.set(JAVA_INT, 0, from.function());
            entry.set(JAVA_INT, 4, from.index());
            entry.set(JAVA_INT, 8, from.isIndexed() ? KvmRequests.KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0);
            entry.set(JAVA_INT, 12, from.eax());
            entry.set(JAVA_INT, 16, from.ebx());
            entry.set(JAVA_INT, 20, from.ecx());
            entry.set(JAVA_INT, 24, from.edx());
        }
    }
}
