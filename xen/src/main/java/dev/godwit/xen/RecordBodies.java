package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Checks what is in the records that hold no pages (Xen migration specification section 3.2). */
final class RecordBodies {

    private static final int TSC_INFO_BYTES = 24;
    private static final int CPUID_LEAF_BYTES = 24;
    private static final int MSR_BYTES = 16;
    private static final int PARAM_BYTES = 16;

    private RecordBodies() {}

    static void check(StreamRecord record, ImageInput input) throws IOException {
        MemorySegment body = record.body();
        switch (record.type()) {
            case END, VERIFY, STATIC_DATA_END -> checkEmpty(body, input);
            case X86_TSC_INFO -> checkTscInfo(body, input);
            case HVM_CONTEXT -> {
                if (body.byteSize() == 0) {
                    throw input.refusal("a context", "none");
                }
            }
            case HVM_PARAMS -> checkParams(body, input);
            case X86_CPUID_POLICY -> checkMultiple(body, CPUID_LEAF_BYTES, input);
            case X86_MSR_POLICY -> checkMsrs(body, input);
            case PAGE_DATA,
                    X86_PV_INFO,
                    X86_PV_P2M_FRAMES,
                    X86_PV_VCPU_BASIC,
                    X86_PV_VCPU_EXTENDED,
                    X86_PV_VCPU_XSAVE,
                    X86_PV_VCPU_MSRS,
                    SHARED_INFO,
                    TOOLSTACK,
                    CHECKPOINT,
                    CHECKPOINT_DIRTY_PFN_LIST -> throw new AssertionError(record.type());
        }
    }

    private static void checkEmpty(MemorySegment body, ImageInput input) throws IOException {
        if (body.byteSize() != 0) {
            throw input.refusal("an empty body", body.byteSize() + " bytes");
        }
    }

    private static void checkTscInfo(MemorySegment body, ImageInput input) throws IOException {
        if (body.byteSize() != TSC_INFO_BYTES) {
            throw input.refusal(TSC_INFO_BYTES + " bytes", Long.toString(body.byteSize()));
        }
        checkReserved(body.get(Layouts.U32, 20), input);
    }

    private static void checkParams(MemorySegment body, ImageInput input) throws IOException {
        if (body.byteSize() < 8) {
            throw input.refusal("at least 8 bytes", Long.toString(body.byteSize()));
        }
        long count = Integer.toUnsignedLong(body.get(Layouts.U32, 0));
        if (body.byteSize() != 8 + count * PARAM_BYTES) {
            throw input.refusal(
                    "%d bytes for %d parameters".formatted(8 + count * PARAM_BYTES, count),
                    Long.toString(body.byteSize()));
        }
        checkReserved(body.get(Layouts.U32, 4), input);
    }

    private static void checkMsrs(MemorySegment body, ImageInput input) throws IOException {
        checkMultiple(body, MSR_BYTES, input);
        for (long at = 4; at < body.byteSize(); at += MSR_BYTES) {
            checkReserved(body.get(Layouts.U32, at), input);
        }
    }

    private static void checkMultiple(MemorySegment body, int partBytes, ImageInput input) throws IOException {
        if (body.byteSize() == 0 || body.byteSize() % partBytes != 0) {
            throw input.refusal("one or more times %d bytes".formatted(partBytes), Long.toString(body.byteSize()));
        }
    }

    private static void checkReserved(int value, ImageInput input) throws IOException {
        if (value != 0) {
            throw input.refusal("a reserved field of 0", "0x" + Integer.toHexString(value));
        }
    }
}
