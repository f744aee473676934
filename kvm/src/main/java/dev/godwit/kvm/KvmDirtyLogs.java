package dev.godwit.kvm;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.linux.kvm.KvmCapability;
import dev.godwit.linux.kvm.KvmVm;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** The dirty logs that a machine on KVM has: KVM's own, of which one can be in use at a time, and the host's. */
final class KvmDirtyLogs {

    private final KvmMachineOptions options;
    private final KvmVm vm;
    private final GuestAddresses guest;
    private final KvmDirtyRings rings;
    private final boolean manualProtect;
    private final boolean logBeginsAllSet;
    private final AtomicReference<Optional<KvmDirtyLog>> inUse = new AtomicReference<>(Optional.empty());
    private volatile boolean closed;

    /**
     * None in use. What KVM has to be told for them it is told here, before there is a vCPU.
     *
     * @throws IOException if this kernel's KVM cannot track writes in the way that the options name
     */
    KvmDirtyLogs(KvmMachineOptions options, KvmVm vm, GuestAddresses guest, KvmDirtyRings rings) throws IOException {
        this.options = options;
        this.vm = vm;
        this.guest = guest;
        this.rings = rings;
        boolean manual = false;
        boolean allSet = false;
        switch (options.dirtyTracking()) {
            case KvmMachineOptions.DirtyTracking.Bitmap _ -> {
                manual = vm.check(KvmCapability.MANUAL_DIRTY_LOG_PROTECT2) > 0;
                allSet = manual && vm.enableManualDirtyLogProtect();
            }
            case KvmMachineOptions.DirtyTracking.Ring(int entries) -> enableRings(entries);
        }
        this.manualProtect = manual;
        this.logBeginsAllSet = allSet;
    }

    private void enableRings(int entries) throws IOException {
        int mostBytes =
                Math.max(vm.check(KvmCapability.DIRTY_LOG_RING), vm.check(KvmCapability.DIRTY_LOG_RING_ACQ_REL));
        if (mostBytes < entries * 16L) {
            throw new IOException(
                    "this kernel's KVM has no dirty rings of %d entries: KVM_CAP_DIRTY_LOG_RING allows %d; use the bitmap"
                            .formatted(entries, mostBytes / 16));
        }
        vm.enableDirtyRing(entries);
    }

    /** {@return their names, KVM's own first} */
    List<String> methods() {
        List<String> methods = new ArrayList<>();
        methods.add(ownMethod());
        options.furtherLogs().forEach(source -> methods.add(source.method()));
        return List.copyOf(methods);
    }

    private String ownMethod() {
        return switch (options.dirtyTracking()) {
            case KvmMachineOptions.DirtyTracking.Bitmap _ -> KvmDirtyBitmapLog.METHOD;
            case KvmMachineOptions.DirtyTracking.Ring _ -> KvmDirtyRingLog.METHOD;
        };
    }

    /** As {@link dev.godwit.engine.machine.Machine#startDirtyLog}. */
    DirtyLog start(String method) throws IOException {
        for (DirtyLogSource source : options.furtherLogs()) {
            if (source.method().equals(method)) {
                return source.start(guest.memory());
            }
        }
        if (!method.equals(ownMethod())) {
            throw new IOException(
                    "this machine has no dirty log %s: it has %s; which of KVM's it has is chosen when it "
                                    .formatted(method, methods())
                            + "is made");
        }
        if (inUse.get().isPresent()) {
            throw new IOException("this machine's dirty log is in use");
        }
        KvmDirtyLog log;
        if (method.equals(KvmDirtyRingLog.METHOD)) {
            rings.begin();
            KvmDirtyBitmapLog.setLogging(vm, guest, true);
            log = new KvmDirtyRingLog(rings, guest, () -> end(rings::end));
        } else {
            log = KvmDirtyBitmapLog.start(vm, guest, manualProtect, logBeginsAllSet, () -> end(() -> {}));
        }
        inUse.set(Optional.of(log));
        return log;
    }

    private void end(KvmDirtyLog.Ending last) throws IOException {
        inUse.set(Optional.empty());
        if (!closed) {
            KvmDirtyBitmapLog.setLogging(vm, guest, false);
            last.end();
        }
    }

    /** Something else than the guest wrote its RAM: the log that is in use, if there is one, has it. */
    void wrote(long gpa, int lengthBytes) {
        inUse.get().ifPresent(log -> log.mark(guest.ramOffset(gpa, lengthBytes), lengthBytes));
    }

    /** The machine is about to end; a log that ends later touches nothing of KVM any more. */
    void close() {
        closed = true;
    }
}
