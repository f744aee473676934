package dev.godwit.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code godwit demo}. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "The whole story on this machine, in less than a minute: a machine under load moves to another process and on"
                    + " to a third while it runs, is kept in a snapshot, and goes on from it; every page is checked each"
                    + " time. Needs nothing but this program; no root.",
            "With --qemu the guest is a small Linux in a stock QEMU: its snapshot is taken while it writes, proven whole,"
                    + " and brought back by Godwit and by QEMU itself. Needs bin/peers to have run, which ./godwit demo --qemu"
                    + " sees to."
        })
final class DemoCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Option(names = "--qemu", description = "Show what Godwit does for a guest of a stock QEMU.")
    private boolean qemu;

    @Option(names = "--ram", paramLabel = "SIZE", description = "How much RAM the machine has (default 256M).")
    private ByteCount ram = new ByteCount(256L << 20);

    @Option(names = "--in-one-process", hidden = true, description = "Everything in this process, for the launcher.")
    private boolean oneProcess;

    @Override
    public Integer call() throws Exception {
        DemoStory story = new DemoStory(common.json ? common.err() : common.out());
        if (qemu) {
            new QemuDemo(common, story).run();
        } else {
            new MachineDemo(common, story, ram.bytes(), oneProcess ? DemoHost.Kind.THREAD : DemoHost.Kind.PROCESS)
                    .run();
        }
        return ExitStatus.DONE;
    }
}
