package dev.godwit.xen;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.SortedMap;

/**
 * A record of a libxc stream that is not PAGE_DATA, whole (Xen migration specification section 3.2).
 *
 * <pre>
 * X86_TSC_INFO  u32 mode, u32 kHz, u64 ns, u32 incarnation, u32 0
 * HVM_CONTEXT   the hypervisor's own, at least one byte
 * HVM_PARAMS    u32 count, u32 0, count x {u64 index, u64 value}
 * </pre>
 *
 * @param type its kind
 * @param body what it holds, without padding; not to be written to
 */
public record StreamRecord(RecordType type, MemorySegment body) {

    /** The parameter that holds the frame of the store's ring. */
    public static final long STORE_PFN = 1;

    /** The parameter that holds the frame of I/O requests. */
    public static final long IOREQ_PFN = 5;

    /** The parameter that holds the frame of buffered I/O requests. */
    public static final long BUFIOREQ_PFN = 6;

    /** {@return a record without content} */
    public static StreamRecord empty(RecordType type) {
        return new StreamRecord(type, MemorySegment.ofArray(new byte[0]));
    }

    /**
     * {@return how the time stamp counter ticks}
     *
     * @param mode Xen's TSC mode, 0 for the default
     * @param kHz its frequency
     * @param elapsedNs guest time that has passed
     * @param incarnation how often the domain has been moved
     */
    public static StreamRecord tscInfo(int mode, int kHz, long elapsedNs, int incarnation) {
        MemorySegment body = MemorySegment.ofArray(new byte[24]);
        body.set(Layouts.U32, 0, mode);
        body.set(Layouts.U32, 4, kHz);
        body.set(Layouts.U64, 8, elapsedNs);
        body.set(Layouts.U32, 16, incarnation);
        return new StreamRecord(RecordType.X86_TSC_INFO, body.asReadOnly());
    }

    /** {@return parameters by their index} */
    public static StreamRecord hvmParams(SortedMap<Long, Long> params) {
        MemorySegment body = MemorySegment.ofArray(new byte[8 + 16 * params.size()]);
        body.set(Layouts.U32, 0, params.size());
        long at = 8;
        for (Map.Entry<Long, Long> param : params.entrySet()) {
            body.set(Layouts.U64, at, param.getKey());
            body.set(Layouts.U64, at + 8, param.getValue());
            at += 16;
        }
        return new StreamRecord(RecordType.HVM_PARAMS, body.asReadOnly());
    }

    /**
     * {@return the hypervisor's state of the domain}
     *
     * @param context its bytes, which are copied
     * @throws IllegalArgumentException if there are none: no reader of Xen's takes that
     */
    public static StreamRecord hvmContext(byte[] context) {
        if (context.length == 0) {
            throw new IllegalArgumentException("context of 0 bytes");
        }
        MemorySegment body = MemorySegment.ofArray(context.clone());
        return new StreamRecord(RecordType.HVM_CONTEXT, body.asReadOnly());
    }
}
