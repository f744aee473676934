package dev.godwit.kvm;

import dev.godwit.linux.kvm.KvmDirtyRing;
import dev.godwit.linux.kvm.KvmVm;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The dirty rings of a machine's vCPUs. Owned by whoever holds its monitor: the thread that collects the log, or a vCPU
 * whose ring is full.
 *
 * <p>Collecting, resetting and handing over are one step under the monitor. A page must not be read between its
 * collection and the reset, because writes in between are not noted; so what a vCPU collects waits here, and is handed
 * over only after it has been reset.
 */
final class KvmDirtyRings {

    private final KvmVm vm;
    private final GuestAddresses guest;
    private final List<KvmDirtyRing> rings = new ArrayList<>();
    private Optional<PageBitmap> waiting = Optional.empty();

    KvmDirtyRings(KvmVm vm, GuestAddresses guest) {
        this.vm = vm;
        this.guest = guest;
    }

    synchronized void add(KvmDirtyRing ring) {
        rings.add(ring);
    }

    /** Begins to keep what is collected. */
    synchronized void begin() throws IOException {
        drain();
        waiting = Optional.of(new PageBitmap(guest.memory().layout().block(0).pages()));
    }

    /** Forgets what was collected, and goes on emptying rings that are full. */
    synchronized void end() throws IOException {
        drain();
        waiting = Optional.empty();
    }

    /** Empties all rings and has the kernel note their pages again. */
    synchronized void drain() throws IOException {
        long collected = 0;
        for (KvmDirtyRing ring : rings) {
            collected += ring.collect(this::note);
        }
        if (collected > 0) {
            int _ = vm.resetDirtyRings();
        }
    }

    /** Empties all rings and hands over all that was collected since the last time; {@return how many pages} */
    synchronized long take(PageBitmap dirty) throws IOException {
        drain();
        long taken = 0;
        if (waiting.isPresent()) {
            PageBitmap pages = waiting.get();
            for (long page = pages.nextSet(0); page >= 0; page = pages.nextSet(page + 1)) {
                pages.clear(page);
                dirty.set(page);
                taken++;
            }
        }
        return taken;
    }

    private void note(int slotNumber, long page) {
        if (waiting.isPresent() && slotNumber < guest.slots().size()) {
            GuestAddresses.Slot slot = guest.slots().get(slotNumber);
            if (page >= 0 && page < slot.pages()) {
                waiting.get().set(slot.ramOffset() / Page.SIZE_BYTES + page);
            }
        }
    }
}
