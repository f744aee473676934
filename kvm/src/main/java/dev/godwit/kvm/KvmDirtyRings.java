package dev.godwit.kvm;

import dev.godwit.linux.kvm.KvmDirtyRing;
import dev.godwit.linux.kvm.KvmVcpu;
import dev.godwit.linux.kvm.KvmVm;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The dirty rings of a machine's vCPUs. Each is emptied by its vCPU's own thread, so that it stands still meanwhile:
 * when it is full, and when the log's owner asks for it. What is collected waits here for the owner.
 *
 * <p>Emptying a ring and the kernel's reset are one step under the monitor, and so is the handing over: a page must not
 * be read between its collection and the reset, because writes in between are not noted.
 *
 * <p>Where a ring was overrun ({@link KvmDirtyRing}) all pages count as dirty, after logging was switched off and on
 * again: only that protects the pages whose entries are lost.
 */
final class KvmDirtyRings {

    private final KvmVm vm;
    private final GuestAddresses guest;
    private final List<VcpuThread> vcpus;
    private Optional<PageBitmap> waiting = Optional.empty(); // from here on guarded by the monitor
    private boolean isOverrun;
    private long overruns;

    KvmDirtyRings(KvmVm vm, GuestAddresses guest, List<VcpuThread> vcpus) {
        this.vm = vm;
        this.guest = guest;
        this.vcpus = vcpus;
    }

    /** Begins to keep what is collected. */
    void begin() throws IOException {
        drainAll();
        synchronized (this) {
            waiting =
                    Optional.of(new PageBitmap(guest.memory().layout().block(0).pages()));
            isOverrun = false;
        }
    }

    /** Forgets what was collected; rings that are full are still emptied. */
    void end() throws IOException {
        drainAll();
        synchronized (this) {
            waiting = Optional.empty();
        }
    }

    /** {@return how often a ring was overrun since the machine was made} */
    synchronized long overruns() {
        return overruns;
    }

    /** Empties all rings and hands over all that was collected since the last time; {@return how many pages} */
    long take(PageBitmap dirty) throws IOException {
        drainAll();
        synchronized (this) {
            if (isOverrun) {
                KvmDirtyBitmapLog.setLogging(vm, guest, false);
                KvmDirtyBitmapLog.setLogging(vm, guest, true);
                isOverrun = false;
                waiting.ifPresent(pages -> setAll(pages));
            }
            return waiting.isPresent() ? moveAll(waiting.get(), dirty) : 0;
        }
    }

    private static void setAll(PageBitmap pages) {
        for (long page = pages.nextClear(0); page >= 0; page = pages.nextClear(page + 1)) {
            pages.set(page);
        }
    }

    private static long moveAll(PageBitmap from, PageBitmap to) {
        long moved = 0;
        for (long page = from.nextSet(0); page >= 0; page = from.nextSet(page + 1)) {
            from.clear(page);
            to.set(page);
            moved++;
        }
        return moved;
    }

    private void drainAll() throws IOException {
        for (VcpuThread vcpu : vcpus) {
            boolean _ = vcpu.call(this::drain);
        }
    }

    /** Empties the ring of a vCPU, on its thread, and has the kernel note its pages again; {@return true} */
    synchronized boolean drain(KvmVcpu vcpu) throws IOException {
        if (vcpu.dirtyRing().isPresent()) {
            KvmDirtyRing ring = vcpu.dirtyRing().get();
            int taken = ring.collect(this::note);
            if (taken > 0) {
                int _ = vm.resetDirtyRings();
            }
            if (taken == ring.capacity()) {
                isOverrun = true;
                overruns++;
            }
        }
        return true;
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
