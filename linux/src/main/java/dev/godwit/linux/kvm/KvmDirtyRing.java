package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The ring in which the kernel notes the pages that one vCPU writes: {@code struct kvm_dirty_gfn}s whose flags go from
 * 0 to DIRTY (the kernel), to RESET (collected, here), and back to 0 by {@link KvmVm#resetDirtyRings}.
 *
 * <p>Assumes that the vCPU does not run meanwhile, and that a reset follows each collection before the next. What has
 * been collected may be read from memory only after the reset: until then later writes to it are not noted.
 *
 * <p>The kernel has a vCPU leave the guest when few entries are left, but it looks only between two entries into the
 * guest. Where it emulates many instructions in one go, it can write more than was left, over the oldest entries; it
 * says so in its own log ("kvm_dirty_ring_push"), and nowhere else. So a ring of which every entry is used counts as
 * overrun. The kernel then goes on some unknown number of entries further than it will look when it resets; these are
 * found at the next collection, as entries never used before one that is, and given back.
 */
public final class KvmDirtyRing {

    private static final VarHandle FLAGS = JAVA_INT.varHandle();
    private static final long ENTRY_BYTES = KvmLayouts.DIRTY_GFN.byteSize();

    private final MemorySegment entries;
    private final long mask;
    private long next;
    private boolean mayHaveGap;

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

    /** {@return how many entries the ring has} */
    public int capacity() {
        return (int) mask + 1;
    }

    /**
     * Collects all that the kernel has noted.
     *
     * @return how many entries were taken; {@link #capacity()} means that others were overrun, and their pages are not
     *     known: every page may have been written, and has to be protected again
     */
    public int collect(Sink sink) {
        int taken = mayHaveGap ? usedSpan() : usedRun();
        for (int i = 0; i < taken; i++) {
            long place = ((next + i) & mask) * ENTRY_BYTES;
            if (isDirty(place)) {
                // The upper half of the slot number is the address space: 0 but in system management mode.
                sink.dirty(entries.get(JAVA_INT, place + 4) & 0xffff, entries.get(JAVA_LONG, place + 8));
            }
            FLAGS.setRelease(entries, place, KvmRequests.KVM_DIRTY_GFN_F_RESET);
        }
        next += taken;
        if (taken > 0) {
            mayHaveGap = taken == capacity();
        }
        return taken;
    }

    /** {@return how many entries in a row are used} */
    private int usedRun() {
        int used = 0;
        while (used < capacity() && isDirty(((next + used) & mask) * ENTRY_BYTES)) {
            used++;
        }
        return used;
    }

    /** {@return how many entries there are up to the last that is used} */
    private int usedSpan() {
        int span = capacity();
        while (span > 0 && !isDirty(((next + span - 1) & mask) * ENTRY_BYTES)) {
            span--;
        }
        return span;
    }

    private boolean isDirty(long place) {
        int flags = (int) FLAGS.getAcquire(entries, place);
        return (flags & (KvmRequests.KVM_DIRTY_GFN_F_DIRTY | KvmRequests.KVM_DIRTY_GFN_F_RESET))
                == KvmRequests.KVM_DIRTY_GFN_F_DIRTY;
    }
}
