package dev.godwit.qemu;

import dev.godwit.qemu.vmstate.SectionSplitter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Collects what a precopy stream holds beside its pages, answers the source, and refuses what is not precopy. */
final class IncomingElements implements StreamVisitor {

    private final ByteInput input;
    private final IncomingPages pages;
    private final @Nullable ReturnPath returnPath;
    private final boolean switchoverAck;
    private final ConfigurationCheck configurationCheck;
    private final List<Section> sections = new ArrayList<>();
    private @Nullable Configuration configuration;
    private byte @Nullable [] vmdescription;
    private int ramSectionId;
    private final @Nullable GuestGivenUp givenUp;
    private boolean returnPathOpen;
    private boolean advised;
    private boolean discarded;
    private boolean packageSeen;

    IncomingElements(
            ByteInput input,
            IncomingPages pages,
            @Nullable ReturnPath returnPath,
            boolean switchoverAck,
            ConfigurationCheck configurationCheck,
            @Nullable GuestGivenUp givenUp) {
        this.givenUp = givenUp;
        this.input = input;
        this.pages = pages;
        this.returnPath = returnPath;
        this.switchoverAck = switchoverAck;
        this.configurationCheck = configurationCheck;
    }

    /** {@return what was collected, after the end of the stream} */
    VmState finish() throws IOException {
        if (configuration == null || !pages.begun()) {
            throw input.unexpected("a stream with RAM in it", "none");
        }
        pages.finish();
        return state(configuration);
    }

    private VmState state(Configuration read) {
        return new VmState(read, ramSectionId, sections, Optional.ofNullable(vmdescription));
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
            case Command.PostcopyAdvise _ -> advised = true;
            case Command.PostcopyAdviseBitmaps _, Command.SwitchoverStart _ -> {}
            case Command.RamDiscard discard -> discard(discard);
            case Command.Packaged _ -> beginPackage();
            case Command.PostcopyListen _, Command.PostcopyRun _, Command.PostcopyResume _, Command.ReceivedBitmap _ ->
                throw input.unexpected("commands of postcopy where they belong", "command " + command.commandName());
            case Command.EnableColo _ ->
                throw input.unexpected("a precopy stream", "COLO, which is not supported: command ENABLE_COLO");
        }
    }

    private void discard(Command.RamDiscard discard) throws IOException {
        requirePostcopy(discard);
        if (!advised || packageSeen) {
            throw input.unexpected(
                    "POSTCOPY_RAM_DISCARD behind POSTCOPY_ADVISE and before the package", "it elsewhere");
        }
        discarded = true;
        pages.discard(discard);
    }

    private void beginPackage() throws IOException {
        requirePostcopy(new Command.Packaged(0));
        if (!discarded || packageSeen) {
            throw input.unexpected("one package, behind POSTCOPY_RAM_DISCARD", packageSeen ? "another" : "one before");
        }
    }

    private void requirePostcopy(Command command) throws IOException {
        if (givenUp == null) {
            throw input.unexpected(
                    "a precopy stream", "postcopy, which is not supported here: command " + command.commandName());
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

    /** Nothing is run: RUN is the moment from which on what came, and comes, is the guest. */
    @Override
    public void packaged(byte[] blob) throws IOException {
        packageSeen = true;
        sections.addAll(SectionSplitter.splitPackage(blob, input.position() - blob.length));
        if (configuration != null && givenUp != null) {
            pages.flush();
            givenUp.givenUp(state(configuration));
        }
        OptionalInt ping = SectionSplitter.pingOfPackage(blob);
        if (ping.isPresent()) {
            answer(ping.getAsInt());
        }
    }

    @Override
    public void beginRamSection(SectionHeader header) {
        ramSectionId = header.sectionId();
    }

    @Override
    public void endRamSection(SectionHeader header) {}

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
        if (packageSeen) {
            throw input.unexpected("whole pages in postcopy", "an XBZRLE record");
        }
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
