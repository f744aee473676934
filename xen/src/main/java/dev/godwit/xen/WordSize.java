package dev.godwit.xen;

import java.lang.foreign.MemorySegment;

/**
 * How wide a C {@code unsigned long} of the tools was that wrote a legacy stream (Xen migration specification section
 * 2).
 */
public enum WordSize {
    /** 32-bit tools. */
    BITS_32(4, 2800),
    /** 64-bit tools. */
    BITS_64(8, 5168);

    private static final int FLAGS_AT = 512;
    private static final int ONLINE = 0x20;

    private final int bytes;
    private final int vcpuContextBytes;

    WordSize(int bytes, int vcpuContextBytes) {
        this.bytes = bytes;
        this.vcpuContextBytes = vcpuContextBytes;
    }

    /** {@return the length of a word in bytes} */
    public int bytes() {
        return bytes;
    }

    /** {@return the length of a vCPU's context of 2007 in bytes} */
    public int vcpuContextBytes() {
        return vcpuContextBytes;
    }

    /** {@return a context that says no more of a vCPU than that it is online} */
    MemorySegment emptyVcpuContext() {
        MemorySegment context = MemorySegment.ofArray(new byte[vcpuContextBytes]);
        context.set(Layouts.U32, FLAGS_AT, ONLINE);
        return context.asReadOnly();
    }

    /** {@return the length in bytes of a bitmap with a bit for each frame: whole words} */
    long bitmapBytes(long frames) {
        long bits = bytes * 8L;
        return (frames + bits - 1) / bits * bytes;
    }
}
