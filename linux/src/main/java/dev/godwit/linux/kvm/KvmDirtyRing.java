package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The ring in which the kernel notes the pages that one vCPU writes: {@code struct kvm_dirty_gfn}s whose flags go from
 * 0 to DIRTY (the kernel), to RESET (collected, here), and back to 0 by {@link KvmVm#resetDirtyRings}.
 *
 * <p>Assumes that one thread at a time collects. Guarantees that an entry is read only once it is whole. What has been
 * collected may be read from memory only after the reset: until then later writes to it are not noted.
 */
public final class KvmDirtyRing {

    private static final VarHandle FLAGS = JAVA_INT.varHandle();
    private static final long ENTRY_BYTES = KvmLayouts.DIRTY_GFN.byteSize();

    private final MemorySegment entries;
    private final long mask;
    private long next;

    KvmDirtyRing(MemorySegment entries) {
        this.entries = entries;
        this.mask = entries.byteSize() / ENTRY_BYTES - 1;
    }

    /** Where the collected pages go. */
    @FunctionalInterface
    public interface Sink {
        /** Takes a page, by its number in the memory slot. */
        void dirty(int slot, long page);
    }

    /** {@return how many entries were collected; all that the kernel has noted so far} */
    public long collect(Sink sink) {
        long collected = 0;
        while (true) {
            long place = (next & mask) * ENTRY_BYTES;
            int flags = (int) FLAGS.getAcquire(entries, place);
            if ((flags & (KvmRequests.KVM_DIRTY_GFN_F_DIRTY | KvmRequests.KVM_DIRTY_GFN_F_RESET))
                    != KvmRequests.KVM_DIRTY_GFN_F_DIRTY) {
                return collected;
            }
            // The upper half of the slot number is the address space: 0 but in system management mode.
            sink.dirty(entries.get(JAVA_INT, place + 4) & 0xffff, entries.get(JAVA_LONG, place + 8));
            FLAGS.setRelease(entries, place, KvmRequests.KVM_DIRTY_GFN_F_RESET);
            next++;
            collected++;
        }
    }
}
