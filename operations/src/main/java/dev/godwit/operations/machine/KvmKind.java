package dev.godwit.operations.machine;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.host.RamAllocation;
import dev.godwit.host.RamOptions;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.kvm.Boot;
import dev.godwit.kvm.DirtyLogSource;
import dev.godwit.kvm.GuestEnd;
import dev.godwit.kvm.KvmMachine;
import dev.godwit.kvm.KvmMachineOptions;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The KVM machine, which runs a real guest.
 *
 * @param options what it is; {@code boot} is not looked at where its guest comes by a migration, {@code onEnd} never
 * @param ramBytes how much RAM, a multiple of a page, at least 2 MiB
 * @param ram what the RAM is made of
 */
public record KvmKind(KvmMachineOptions options, long ramBytes, RamOptions ram) implements MachineKind {

    @Override
    public Made make(boolean incoming) throws IOException {
        RamAllocation memory =
                RamAllocation.allocate(new RamLayout(List.of(new RamBlock(KvmMachine.RAM_BLOCK_ID, ramBytes))), ram);
        CompletableFuture<GuestHost> host = new CompletableFuture<>();
        KvmMachineOptions told = new KvmMachineOptions(
                options.vcpus(),
                options.uuid(),
                incoming ? new Boot.Incoming() : options.boot(),
                options.cpuidVendor(),
                options.dirtyTracking(),
                options.serialOutput(),
                options.debugOutput(),
                end -> ended(host.join(), end),
                logs(options.furtherLogs(), memory));
        return new Kvm(KvmMachine.create(told, memory.memory(), memory), memory, host);
    }

    /** Whatever KVM's own log is, the host's can be asked for (parameter {@code x-dirty-log}), where there is one. */
    private static List<DirtyLogSource> logs(List<DirtyLogSource> further, RamAllocation ram) {
        List<DirtyLogSource> all = new ArrayList<>(further);
        if (PagemapDirtyLog.missing().isEmpty()) {
            all.add(new PagemapSource(ram));
        }
        return all;
    }

    private record PagemapSource(RamAllocation ram) implements DirtyLogSource {

        @Override
        public String method() {
            return PagemapDirtyLog.METHOD;
        }

        @Override
        public DirtyLog start(GuestMemory memory) throws IOException {
            return PagemapDirtyLog.start(ram);
        }
    }

    private static void ended(GuestHost host, GuestEnd end) {
        switch (end) {
            case GuestEnd.Shutdown _ -> host.guestEnded(RunStatus.SHUTDOWN);
            case GuestEnd.Failure(String why) -> {
                System.getLogger("dev.godwit.operations")
                        .log(System.Logger.Level.ERROR, "The guest cannot run on: " + why);
                host.guestEnded(RunStatus.INTERNAL_ERROR);
            }
        }
    }

    private record Kvm(KvmMachine machine, RamAllocation memory, CompletableFuture<GuestHost> hosted) implements Made {

        @Override
        public PostcopyRam postcopyRam() {
            return new UserfaultfdRam(memory, true);
        }

        @Override
        public List<QmpCommand> attach(GuestHost host) {
            hosted.complete(host);
            return List.of();
        }
    }
}
