package dev.godwit.qemu;

import dev.godwit.qemu.vmstate.MachinePackage;
import dev.godwit.qemu.vmstate.SectionSplitter;
import java.io.IOException;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A postcopy whose guest is kept instead of run: ADVISE, DISCARD, and the package with LISTEN, the devices and RUN, in
 * this order (qemu-migration specification section 3.6). From RUN on what came, and comes, is the guest.
 */
final class KeptPostcopy implements PostcopyCommands {

    private final GuestGivenUp givenUp;
    private final IncomingPages pages;
    private @Nullable IncomingElements elements;
    private boolean advised;
    private boolean packaged;

    KeptPostcopy(GuestGivenUp givenUp, IncomingPages pages) {
        this.givenUp = givenUp;
        this.pages = pages;
    }

    /** Says who collects what stands beside the pages; before anything is read. */
    void collectedBy(IncomingElements collector) {
        elements = collector;
    }

    @Override
    public void command(ByteInput input, Command command) throws IOException {
        switch (command) {
            case Command.PostcopyAdvise _ -> advised = true;
            case Command.PostcopyAdviseBitmaps _ -> {}
            case Command.RamDiscard discard when advised && !packaged -> pages.discard(discard);
            case Command.Packaged _ when advised && !packaged -> {} // all had been sent where nothing was discarded
            case Command.RamDiscard _,
                    Command.Packaged _,
                    Command.PostcopyListen _,
                    Command.PostcopyRun _,
                    Command.PostcopyResume _,
                    Command.ReceivedBitmap _ ->
                throw input.unexpected(
                        "POSTCOPY_ADVISE, POSTCOPY_RAM_DISCARD and one package, in this order",
                        "command " + command.commandName());
            case Command.OpenReturnPath _, Command.Ping _, Command.EnableColo _, Command.SwitchoverStart _ ->
                throw new IllegalArgumentException(command.commandName());
        }
    }

    @Override
    public void packaged(ByteInput input, byte[] blob) throws IOException {
        IncomingElements collector = elements;
        if (collector == null) {
            throw new IllegalStateException("nobody collects");
        }
        packaged = true;
        VmState state = collector.withDevices(MachinePackage.split(blob, input.position() - blob.length));
        pages.wholePagesOnly();
        pages.flush();
        givenUp.givenUp(state);
        OptionalInt ping = SectionSplitter.pingOfPackage(blob);
        if (ping.isPresent()) {
            collector.answerPing(ping.getAsInt());
        }
    }
}
