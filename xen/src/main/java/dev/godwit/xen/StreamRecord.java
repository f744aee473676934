package dev.godwit.xen;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;

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

    /**
     * {@return the smallest context that is well formed: no vCPU and no device, only a header and the end}
     *
     * <pre>
     *  0  u16 1, u16 0, u32 24: header    8  u32 0x54381286   12  u32 version 1   16  u64 changeset, unknown
     * 24  u32 CPUID 1 EAX, u32 kHz, 0     32  u16 0, u16 0, u32 0: end
     * </pre>
     */
    public static StreamRecord emptyHvmContext() {
        MemorySegment context = MemorySegment.ofArray(new byte[40]);
        context.set(Layouts.U32, 0, 1);
        context.set(Layouts.U32, 4, 24);
        context.set(Layouts.U32, 8, 0x54381286);
        context.set(Layouts.U32, 12, 1);
        context.set(Layouts.U64, 16, -1);
        return new StreamRecord(RecordType.HVM_CONTEXT, context.asReadOnly());
    }

    /** {@return the parameters of an HVM_PARAMS record by their index; the caller's to change} */
    SortedMap<Long, Long> params() {
        SortedMap<Long, Long> params = new TreeMap<>();
        for (long at = 8; at + 16 <= body.byteSize(); at += 16) {
            params.put(body.get(Layouts.U64, at), body.get(Layouts.U64, at + 8));
        }
        return params;
    }

    /** {@return the value of a parameter of an HVM_PARAMS record; empty where it is not set} */
    OptionalLong param(long index) {
        Long value = params().get(index);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }
}
