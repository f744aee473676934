package dev.godwit.xen;

import dev.godwit.engine.HeapNeed;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Reads a libxc stream of an HVM domain, version 3 or 2, and tells a visitor every record (Xen migration specification
 * section 3). It takes what both of Xen's readers take, the checker of streams and the library that restores: what one
 * of them refuses is refused here.
 *
 * <pre>
 * record:  u32 type (bit 31: may be ignored by who does not know it), u32 bodyLength, body, zeros up to 8 bytes
 * PAGE_DATA body: u32 count (at least 1), u32 0, count x u64 entry, then 4096 bytes for each entry with content
 * </pre>
 *
 * <p>Owned by one thread. After an exception the visitor has heard all that was good before it.
 */
final class LibxcReader {

    /** What Xen's reader takes at most. */
    static final long MAX_BODY_BYTES = 128 << 20;

    /** What is kept in memory of a body; less than Xen's limit where the heap is small. */
    private static final int MAX_KEPT_BYTES = HeapNeed.limit((int) MAX_BODY_BYTES, 8);

    private final ImageInput input;
    private final SavedDomainVisitor visitor;
    private final MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
    private int version;
    private boolean staticDataEnded;

    LibxcReader(ImageInput input, SavedDomainVisitor visitor) {
        this.input = input;
        this.visitor = visitor;
    }

    /** Reads up to and with the END record. */
    void read() throws IOException {
        ImageHeader header = ImageHeader.read(input);
        version = header.version();
        visitor.header(header);
        while (readRecord() != RecordType.END) {
            // The visitor has heard it.
        }
    }

    private RecordType readRecord() throws IOException {
        input.section("record header");
        int code = input.i32();
        long length = input.u32();
        RecordType type = RecordType.of(code).orElseThrow(() -> unknown(code));
        input.section(type + " record");
        if (length > MAX_BODY_BYTES) {
            throw input.refusal("at most " + MAX_BODY_BYTES + " bytes", Long.toString(length));
        }
        checkType(type);
        if (type == RecordType.PAGE_DATA) {
            readPages(length);
        } else {
            StreamRecord record = new StreamRecord(type, keptBody(length));
            RecordBodies.check(record, input);
            readPadding(input, length);
            visitor.record(record);
        }
        return type;
    }

    private StreamFormatException unknown(int code) {
        return input.refusal(
                "a known record type", "0x%x%s".formatted(code, code < 0 ? ", an optional one that is not known" : ""));
    }

    private void checkType(RecordType type) throws IOException {
        switch (type) {
            case X86_PV_INFO,
                    X86_PV_P2M_FRAMES,
                    X86_PV_VCPU_BASIC,
                    X86_PV_VCPU_EXTENDED,
                    X86_PV_VCPU_XSAVE,
                    X86_PV_VCPU_MSRS,
                    SHARED_INFO -> throw input.refusal("records of an HVM domain", "one of a PV domain");
            case TOOLSTACK -> throw input.refusal("none", "the deprecated record, which nothing may write");
            case CHECKPOINT, CHECKPOINT_DIRTY_PFN_LIST ->
                throw input.refusal("a stream without checkpoints", "one of Remus or COLO, which is not supported");
            case STATIC_DATA_END -> {
                needVersion3();
                if (staticDataEnded) {
                    throw input.refusal("one such record", "a second one");
                }
                staticDataEnded = true;
            }
            case X86_CPUID_POLICY, X86_MSR_POLICY -> needVersion3();
            case PAGE_DATA -> {
                if (version >= ImageHeader.VERSION_3 && !staticDataEnded) {
                    throw input.refusal("STATIC_DATA_END before the first pages", "none");
                }
            }
            case END, X86_TSC_INFO, HVM_CONTEXT, HVM_PARAMS, VERIFY -> {}
        }
    }

    private void needVersion3() throws IOException {
        if (version < ImageHeader.VERSION_3) {
            throw input.refusal("a stream of version 3", "version " + version);
        }
    }

    private MemorySegment keptBody(long length) throws IOException {
        if (length > MAX_KEPT_BYTES) {
            throw input.refusal("at most %d bytes with this heap".formatted(MAX_KEPT_BYTES), Long.toString(length));
        }
        return MemorySegment.ofArray(input.bytes(length)).asReadOnly();
    }

    private void readPages(long length) throws IOException {
        long[] entries = readEntries(length);
        visitor.batch(entries);
        input.section("pages of a PAGE_DATA record");
        for (long entry : entries) {
            if (PageEntry.hasContent(entry)) {
                input.read(page);
                visitor.page(entry, page.asReadOnly());
            }
        }
        readPadding(input, length);
    }

    private long[] readEntries(long length) throws IOException {
        if (length < 16) {
            throw input.refusal("at least 16 bytes", Long.toString(length));
        }
        long count = input.u32();
        int reserved = input.i32();
        if (count < 1 || reserved != 0) {
            throw input.refusal(
                    "at least 1 frame and a reserved field of 0", "%d frames, 0x%x".formatted(count, reserved));
        }
        if (count > (length - 8) / 8 || count > MAX_KEPT_BYTES / 16) {
            throw input.refusal("entries that fit into %d bytes".formatted(length), count + " frames");
        }
        MemorySegment bytes = MemorySegment.ofArray(input.bytes(count * 8));
        long[] entries = new long[(int) count];
        long pages = 0;
        for (int i = 0; i < count; i++) {
            entries[i] = bytes.get(Layouts.U64, i * 8L);
            if (!PageEntry.isValid(entries[i])) {
                throw input.refusal(
                        "entries with a known type and reserved bits 0", "entry %d: 0x%016x".formatted(i, entries[i]));
            }
            pages += PageEntry.hasContent(entries[i]) ? 1 : 0;
        }
        if (length != 8 + count * 8 + pages * Page.SIZE_BYTES) {
            throw input.refusal(
                    "%d bytes for %d frames with %d pages"
                            .formatted(8 + count * 8 + pages * Page.SIZE_BYTES, count, pages),
                    Long.toString(length));
        }
        return entries;
    }

    /** Reads the zeros after a body. */
    static void readPadding(ImageInput input, long bodyLength) throws IOException {
        for (byte padding : input.bytes(-bodyLength & 7)) {
            if (padding != 0) {
                throw input.refusal("padding of zeros", "0x%02x".formatted(padding));
            }
        }
    }
}
