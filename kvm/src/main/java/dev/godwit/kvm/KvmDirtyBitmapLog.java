package dev.godwit.kvm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.kvm.KvmVm;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * KVM's dirty bitmap, method {@code kvm-bitmap}.
 *
 * <p>With manual protection (Linux 5.0) reading the bitmap changes nothing; a page is forgotten, and its next write
 * noticed, only when it is cleared. That is done just before pages are read, in chunks of {@value #CHUNK_PAGES} pages,
 * so that no lap begins with protecting all memory, and a page written again before its turn is sent once only. Cleared
 * is only what has been reported: a write between the two steps keeps its bit.
 *
 * <p>Where the kernel has it (Linux 5.7), a log begins with every page dirty and none protected. The first collect then
 * reports all pages, as the contract allows; in the number that it answers they do not count. Neither do pages that
 * were reported and not yet cleared: the kernel cannot say whether they were written again.
 *
 * <p>Without manual protection reading clears and protects at once.
 */
final class KvmDirtyBitmapLog implements KvmDirtyLog {

    static final String METHOD = "kvm-bitmap";

    /** What is cleared at a time: 16 MiB. A multiple of 64, as the kernel wants it. */
    static final int CHUNK_PAGES = 4096;

    private final KvmVm vm;
    private final boolean manual;
    private final List<SlotLog> slots = new ArrayList<>();
    private final OwnWrites ownWrites;
    private final Arena arena = Arena.ofShared();
    private final Ending onClose;

    /** One slot's bitmaps. */
    private static final class SlotLog {
        final GuestAddresses.Slot slot;
        final int words;
        final MemorySegment fresh;
        /** What was reported and not cleared since: the kernel's bitmap has at least these bits. */
        final MemorySegment known;

        SlotLog(GuestAddresses.Slot slot, Arena arena) {
            this.slot = slot;
            this.words = Math.toIntExact((slot.pages() + 63) >> 6);
            this.fresh = arena.allocate(words * 8L, 8);
            this.known = arena.allocate(words * 8L, 8);
        }
    }

    private KvmDirtyBitmapLog(KvmVm vm, GuestAddresses guest, boolean manual, Ending onClose) {
        this.vm = vm;
        this.manual = manual;
        this.onClose = onClose;
        this.ownWrites = new OwnWrites(guest.memory().layout().block(0).pages());
        guest.slots().forEach(slot -> slots.add(new SlotLog(slot, arena)));
    }

    /**
     * {@return a log that has begun}
     *
     * @param manual whether the machine has manual protection
     * @param allSet whether a log begins with all pages dirty
     */
    static KvmDirtyBitmapLog start(KvmVm vm, GuestAddresses guest, boolean manual, boolean allSet, Ending onClose)
            throws IOException {
        KvmDirtyBitmapLog log = new KvmDirtyBitmapLog(vm, guest, manual, onClose);
        try {
            setLogging(vm, guest, true);
        } catch (IOException e) {
            log.arena.close();
            throw e;
        }
        if (manual && allSet) {
            for (SlotLog slot : log.slots) {
                setFirst(slot.known, slot.slot.pages());
            }
        }
        return log;
    }

    /** Has KVM log the writes to all slots, or no more. */
    static void setLogging(KvmVm vm, GuestAddresses guest, boolean isOn) throws IOException {
        for (GuestAddresses.Slot slot : guest.slots()) {
            vm.setMemorySlot(
                    slot.number(),
                    isOn,
                    slot.gpa(),
                    slot.lengthBytes(),
                    guest.memory().hostAddress(0, slot.ramOffset()));
        }
    }

    private static void setFirst(MemorySegment bitmap, long pages) {
        bitmap.fill((byte) -1);
        int rest = (int) (pages & 63);
        if (rest != 0) {
            bitmap.set(JAVA_LONG, bitmap.byteSize() - 8, -1L >>> (64 - rest));
        }
    }

    @Override
    public String method() {
        return METHOD;
    }

    @Override
    public void mark(long ramOffset, long lengthBytes) {
        ownWrites.mark(ramOffset, lengthBytes);
    }

    @Override
    public long collect(List<PageBitmap> dirty) throws IOException {
        PageBitmap block = dirty.getFirst();
        long reported = ownWrites.take(block);
        for (SlotLog slot : slots) {
            vm.getDirtyLog(slot.slot.number(), slot.fresh);
            reported += report(slot, block);
        }
        return reported;
    }

    private long report(SlotLog slot, PageBitmap block) {
        long firstPage = slot.slot.ramOffset() / Page.SIZE_BYTES;
        long reported = 0;
        for (int word = 0; word < slot.words; word++) {
            long bits = slot.fresh.getAtIndex(JAVA_LONG, word);
            if (bits == 0) {
                continue;
            }
            reported += Long.bitCount(bits & ~slot.known.getAtIndex(JAVA_LONG, word));
            for (long rest = bits; rest != 0; rest &= rest - 1) {
                block.set(firstPage + ((long) word << 6) + Long.numberOfTrailingZeros(rest));
            }
            if (manual) {
                slot.known.setAtIndex(JAVA_LONG, word, bits);
            }
        }
        return reported;
    }

    @Override
    public void beforeRead(int blockIndex, long firstPage, long pages) throws IOException {
        if (!manual || pages < 1) {
            return;
        }
        for (SlotLog slot : slots) {
            long slotFirst = slot.slot.ramOffset() / Page.SIZE_BYTES;
            long from = Math.max(firstPage - slotFirst, 0);
            long to = Math.min(firstPage + pages - slotFirst, slot.slot.pages());
            for (long chunk = from / CHUNK_PAGES; chunk * CHUNK_PAGES < to; chunk++) {
                clear(slot, chunk * CHUNK_PAGES);
            }
        }
    }

    private void clear(SlotLog slot, long firstPage) throws IOException {
        int pages = (int) Math.min(CHUNK_PAGES, slot.slot.pages() - firstPage);
        MemorySegment bits = slot.known.asSlice(firstPage / 8, ((pages + 63L) >> 6) * 8);
        if (isClear(bits)) {
            return;
        }
        vm.clearDirtyLog(slot.slot.number(), firstPage, pages, bits);
        bits.fill((byte) 0);
    }

    private static boolean isClear(MemorySegment bits) {
        for (long at = 0; at < bits.byteSize(); at += 8) {
            if (bits.get(JAVA_LONG, at) != 0) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        if (arena.scope().isAlive()) {
            try {
                onClose.end();
            } finally {
                arena.close();
            }
        }
    }
}
