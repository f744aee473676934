package dev.godwit.qemu;

import dev.godwit.qemu.vmstate.MachinePackage;
import dev.godwit.qemu.vmstate.VmDescriptionWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Collects what a precopy stream holds beside its pages, answers the source, and refuses what is not precopy. */
final class IncomingElements implements StreamVisitor {

    private final ByteInput input;
    private final IncomingPages pages;
    private final @Nullable ReturnPath returnPath;
    private final boolean switchoverAck;
    private final ConfigurationCheck configurationCheck;
    private final PostcopyCommands postcopy;
    private final List<Section> sections = new ArrayList<>();
    private @Nullable Configuration configuration;
    private byte @Nullable [] vmdescription;
    private int ramSectionId;
    private boolean returnPathOpen;
    private boolean ramEnded;

    IncomingElements(
            ByteInput input,
            IncomingPages pages,
            @Nullable ReturnPath returnPath,
            boolean switchoverAck,
            ConfigurationCheck configurationCheck,
            PostcopyCommands postcopy) {
        this.input = input;
        this.pages = pages;
        this.returnPath = returnPath;
        this.switchoverAck = switchoverAck;
        this.configurationCheck = configurationCheck;
        this.postcopy = postcopy;
    }

    /** {@return the elements of a connection that takes over from one that broke, in postcopy} */
    static IncomingElements resumed(
            ByteInput input, IncomingPages pages, ReturnPath returnPath, PostcopyCommands postcopy) {
        IncomingElements elements =
                new IncomingElements(input, pages, returnPath, false, ConfigurationCheck.NONE, postcopy);
        elements.returnPathOpen = true;
        return elements;
    }

    /** {@return whether the source has said that all of RAM is sent} */
    boolean ramEnded() {
        return ramEnded;
    }

    /** {@return what was collected, after the end of the stream} */
    VmState finish() throws IOException {
        if (configuration == null || !pages.begun()) {
            throw input.unexpected("a stream with RAM in it", "none");
        }
        pages.finish();
        return new VmState(configuration, ramSectionId, sections, Optional.ofNullable(vmdescription));
    }

    /**
     * {@return what was collected, of a stream that goes on with pages alone; with the devices of its package} A QEMU
     * describes no device in postcopy, and one that loads a whole stream does not end before a vmdescription came: the
     * state has one that describes none then.
     */
    VmState withDevices(MachinePackage.Split devices) throws IOException {
        Configuration found = configuration;
        if (found == null || !pages.begun()) {
            throw input.unexpected("a stream with RAM in it", "none");
        }
        sections.addAll(devices.sections());
        byte[] described = devices.vmdescription().orElseGet(() -> VmDescriptionWriter.write(found, List.of()));
        vmdescription = described;
        return new VmState(found, ramSectionId, sections, Optional.of(described));
    }

    /** Answers a PING that stood in a package. */
    void answerPing(int value) throws IOException {
        answer(value);
    }

    boolean returnPathOpened() {
        return returnPathOpen;
    }

    @Override
    public void header() {}

    @Override
    public void configuration(Configuration read) throws IOException {
        if (read.capabilities().contains(Configuration.X_IGNORE_SHARED)) {
            throw input.unexpected(
                    "all of RAM in the stream", "capability x-ignore-shared, by which shared RAM is not sent");
        }
        configurationCheck.check(read);
        configuration = read;
    }

    @Override
    public void command(Command command) throws IOException {
        switch (command) {
            case Command.OpenReturnPath _ -> openReturnPath();
            case Command.Ping(int value) -> answer(value);
            case Command.SwitchoverStart _ -> {}
            case Command.PostcopyAdvise _,
                    Command.PostcopyAdviseBitmaps _,
                    Command.PostcopyListen _,
                    Command.PostcopyRun _,
                    Command.RamDiscard _,
                    Command.Packaged _,
                    Command.PostcopyResume _,
                    Command.ReceivedBitmap _ -> postcopy.command(input, command);
            case Command.EnableColo _ ->
                throw input.unexpected("a precopy stream", "COLO, which is not supported: command ENABLE_COLO");
        }
    }

    private void openReturnPath() throws IOException {
        if (returnPath != null && !returnPathOpen && switchoverAck) {
            returnPath.send(new ReturnPathMessage.SwitchoverAck());
        }
        returnPathOpen = true;
    }

    private void answer(int value) throws IOException {
        if (!returnPathOpen) {
            throw input.unexpected("PING after OPEN_RETURN_PATH only", "PING without");
        }
        if (returnPath != null) {
            returnPath.send(new ReturnPathMessage.Pong(value));
        }
    }

    @Override
    public void packaged(byte[] blob) throws IOException {
        postcopy.packaged(input, blob);
    }

    @Override
    public void beginRamSection(SectionHeader header) {
        ramSectionId = header.sectionId();
    }

    @Override
    public void endRamSection(SectionHeader header) {
        ramEnded |= header.type() == SectionType.END;
    }

    @Override
    public void section(Section section) {
        sections.add(section);
    }

    @Override
    public void endOfStream() {}

    @Override
    public void vmdescription(byte[] json) {
        vmdescription = json;
    }

    @Override
    public void blockList(RamBlockList list) throws IOException {
        pages.blockList(list);
    }

    @Override
    public void zeroPage(int blockIndex, long offsetBytes, boolean continued) throws IOException {
        pages.zeroPage(blockIndex, offsetBytes, continued);
    }

    @Override
    public void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content) throws IOException {
        pages.page(blockIndex, offsetBytes, continued, content);
    }

    @Override
    public void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta)
            throws IOException {
        pages.xbzrlePage(blockIndex, offsetBytes, continued, delta);
    }

    @Override
    public void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib)
            throws IOException {
        pages.compressedPage(blockIndex, offsetBytes, continued, zlib);
    }

    @Override
    public void hook(long offsetBytes) {
        pages.hook(offsetBytes);
    }

    @Override
    public void multifdFlush() throws IOException {
        pages.multifdFlush();
    }

    @Override
    public void endOfRecords() throws IOException {
        pages.endOfRecords();
    }
}
