package dev.godwit.qemu.mappedram;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.Command;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.RamBlockList;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.StreamVisitor;
import dev.godwit.qemu.VmState;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Collects the sections behind a mapped-ram file's pages, and refuses what has no place there. */
final class TailElements implements StreamVisitor {

    private final ByteInput input;
    private final List<Section> sections = new ArrayList<>();
    private byte @Nullable [] vmdescription;

    TailElements(ByteInput input) {
        this.input = input;
    }

    /** {@return all but the pages, once everything is read} */
    VmState state(MappedRamHead head) {
        return new VmState(head.configuration(), head.ramSectionId(), sections, Optional.ofNullable(vmdescription));
    }

    @Override
    public void section(Section section) {
        sections.add(section);
    }

    @Override
    public void vmdescription(byte[] json) {
        vmdescription = json;
    }

    @Override
    public void command(Command command) throws StreamFormatException {
        switch (command) {
            case Command.OpenReturnPath _,
                    Command.Ping _,
                    Command.PostcopyAdvise _,
                    Command.PostcopyAdviseBitmaps _,
                    Command.SwitchoverStart _ -> {}
            case Command.PostcopyListen _,
                    Command.PostcopyRun _,
                    Command.RamDiscard _,
                    Command.Packaged _,
                    Command.PostcopyResume _,
                    Command.ReceivedBitmap _,
                    Command.EnableColo _ -> throw misplaced("command " + command.commandName());
        }
    }

    @Override
    public void packaged(byte[] blob) throws StreamFormatException {
        throw misplaced("a PACKAGED blob");
    }

    @Override
    public void header() {}

    @Override
    public void configuration(Configuration configuration) {}

    @Override
    public void beginRamSection(SectionHeader header) {}

    @Override
    public void endRamSection(SectionHeader header) {}

    @Override
    public void endOfRecords() {}

    @Override
    public void endOfStream() {}

    @Override
    public void blockList(RamBlockList list) throws StreamFormatException {
        throw misplaced("a second block list");
    }

    @Override
    public void zeroPage(int blockIndex, long offsetBytes, boolean continued) throws StreamFormatException {
        throw misplaced("a zero page");
    }

    @Override
    public void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content)
            throws StreamFormatException {
        throw misplaced("a page");
    }

    @Override
    public void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta)
            throws StreamFormatException {
        throw misplaced("an XBZRLE page");
    }

    @Override
    public void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib)
            throws StreamFormatException {
        throw misplaced("a compressed page");
    }

    @Override
    public void hook(long offsetBytes) throws StreamFormatException {
        throw misplaced("HOOK");
    }

    @Override
    public void multifdFlush() throws StreamFormatException {
        throw misplaced("MULTIFD_FLUSH");
    }

    private StreamFormatException misplaced(String found) {
        return input.unexpected("what can stand behind the pages of a mapped-ram file", found);
    }
}
