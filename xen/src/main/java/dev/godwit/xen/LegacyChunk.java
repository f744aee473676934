package dev.godwit.xen;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a negative number between the batches of a legacy stream announces (Xen migration specification section 2.7).
 */
public enum LegacyChunk {
    /** All that was sent comes again, to be compared. */
    VERIFY(-1, 0),
    /** Which vCPUs are online: i32 highest id, u64 for each 64 ids. */
    VCPU_MAP(-2, -1),
    /** Where the identity page table is: u32 0, u64. */
    IDENT_PT(-3, 12, 12),
    /** Where the VM86 task state segment is: u32 0, u64. */
    VM86_TSS(-4, 12, 15),
    /** How the time stamp counter ticks: u32 mode, u64 ns, u32 kHz, u32 incarnation. */
    TSC(-7, 20),
    /** The console's frame: u32 0, u64. */
    CONSOLE_PFN(-8, 12, 17),
    /** There will be no more checkpoints. */
    LAST_CHECKPOINT(-9, 0),
    /** Where the ACPI ports are: u32 0, u64. */
    ACPI_IOPORTS(-10, 12, 19),
    /** The Viridian interface: u32 0, u64. */
    VIRIDIAN(-11, 12, 9),
    /** Where the generation id is: u32 0, u64. */
    GENERATION_ID(-14, 12, 34),
    /** The paging ring's frame: u32 0, u64. */
    PAGING_RING(-15, 12, 27),
    /** The monitor ring's frame: u32 0, u64. */
    MONITOR_RING(-16, 12, 28),
    /** The sharing ring's frame: u32 0, u64. */
    SHARING_RING(-17, 12, 29),
    /** The tools' own: u32 size, bytes. */
    TOOLSTACK(-18, -1),
    /** The first frame of an I/O request server: u32 0, u64; with {@link #IOREQ_SERVER_PAGES}. */
    IOREQ_SERVER_PFN(-19, 12, 32),
    /** How many frames it has: u32 0, u64. */
    IOREQ_SERVER_PAGES(-20, 12, 33);

    private final int code;
    private final int payloadBytes;
    private final int param;

    LegacyChunk(int code, int payloadBytes) {
        this(code, payloadBytes, -1);
    }

    LegacyChunk(int code, int payloadBytes, int param) {
        this.code = code;
        this.payloadBytes = payloadBytes;
        this.param = param;
    }

    /** {@return the number in the stream} */
    public int code() {
        return code;
    }

    /** {@return how much follows the number, or -1 where that tells its own length} */
    int payloadBytes() {
        return payloadBytes;
    }

    /** {@return the index of the parameter of later Xen that says the same; empty where there is none} */
    OptionalLong param() {
        return param < 0 ? OptionalLong.empty() : OptionalLong.of(param);
    }

    static Optional<LegacyChunk> ofParam(long param) {
        for (LegacyChunk chunk : values()) {
            if (chunk.param >= 0 && chunk.param == param) {
                return Optional.of(chunk);
            }
        }
        return Optional.empty();
    }

    static Optional<LegacyChunk> of(int code) {
        for (LegacyChunk chunk : values()) {
            if (chunk.code == code) {
                return Optional.of(chunk);
            }
        }
        return Optional.empty();
    }

    /** {@return what is known of a number that is not taken} */
    static String unsupported(int code) {
        return switch (code) {
            case -5, -6 -> "transcendent memory, which is not supported";
            case -12, -13 -> "Remus's compressed pages, which are not supported";
            case -21 -> "the x87 FIP width of late 4.5, which Xen's converter does not take";
            default -> "an unknown chunk";
        };
    }
}
