package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import java.io.IOException;
import java.util.List;

/**
 * The workload machine, which knows what every page must hold.
 *
 * @param options what it is
 */
public record WorkloadKind(WorkloadOptions options) implements MachineKind {

    @Override
    public Made make(boolean incoming) throws IOException {
        try {
            return new Workload(incoming ? WorkloadMachine.incoming(options) : WorkloadMachine.create(options));
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private record Workload(WorkloadMachine workload) implements Made {

        @Override
        public Machine machine() {
            return workload;
        }

        @Override
        public PostcopyRam postcopyRam() {
            return new UserfaultfdRam(workload.ram(), false);
        }

        @Override
        public List<QmpCommand> attach(GuestHost host) {
            return new WorkloadCommands(host, workload).all();
        }
    }
}
