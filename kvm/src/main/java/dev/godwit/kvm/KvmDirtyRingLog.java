package dev.godwit.kvm;

import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.util.List;

/**
 * KVM's dirty rings, method {@code kvm-ring}: each vCPU notes the pages it writes, and waits when its ring is full.
 * What is collected is protected again at once, so that nothing needs doing before a read.
 *
 * <p>On x86 every write of the kernel to guest memory is made on behalf of a vCPU, the paravirtual clock's included,
 * and so is in its ring; no bitmap is needed beside the rings.
 */
final class KvmDirtyRingLog implements KvmDirtyLog {

    static final String METHOD = "kvm-ring";

    private final KvmDirtyRings rings;
    private final OwnWrites ownWrites;
    private final Ending onClose;
    private boolean closed;

    /** A log of rings that have begun. */
    KvmDirtyRingLog(KvmDirtyRings rings, GuestAddresses guest, Ending onClose) {
        this.rings = rings;
        this.ownWrites = new OwnWrites(guest.memory().layout().block(0).pages());
        this.onClose = onClose;
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
        return ownWrites.take(dirty.getFirst()) + rings.take(dirty.getFirst());
    }

    @Override
    public void beforeRead(int blockIndex, long firstPage, long pages) {
        // The reset in collect has protected the pages already.
    }

    /** {@return how often a ring was overrun} */
    long overruns() {
        return rings.overruns();
    }

    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            onClose.end();
        }
    }
}
