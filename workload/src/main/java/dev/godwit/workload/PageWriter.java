package dev.godwit.workload;

import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Writes versions of pages into the guest's RAM, by ordinary downcalls only. Belongs to one thread. */
final class PageWriter {

    private final GuestMemory memory;
    private final PageVersions versions;
    private final MemorySegment version;

    PageWriter(GuestMemory memory, PageVersions versions, Arena arena) {
        this.memory = memory;
        this.versions = versions;
        this.version = arena.allocate(Page.SIZE_BYTES, 64);
    }

    /** Writes what a generation replaces: the header, then a part of the page or all of it. */
    void write(int blockIndex, long page, long generation) {
        long address = memory.hostAddress(blockIndex, page * Page.SIZE_BYTES);
        if (versions.isZero(blockIndex, page, generation)) {
            NativeMemory.fill(address, 0, Page.SIZE_BYTES);
            return;
        }
        versions.render(blockIndex, page, generation, version);
        NativeMemory.copy(address, version.address(), PageVersions.HEADER_BYTES);
        int part = versions.partOf(generation);
        long from = versions.partStart(part);
        NativeMemory.copy(address + from, version.address() + from, versions.partEnd(part) - from);
    }

    /** Fills every page of the guest with its first version; what is zero is not touched. */
    void fill() {
        for (int block = 0; block < memory.layout().blocks().size(); block++) {
            for (long page = 0; page < memory.layout().block(block).pages(); page++) {
                if (!versions.isZero(block, page, 0)) {
                    versions.render(block, page, 0, version);
                    NativeMemory.copy(
                            memory.hostAddress(block, page * Page.SIZE_BYTES), version.address(), Page.SIZE_BYTES);
                }
            }
        }
    }
}
