package dev.godwit.qemu.multifd;

import dev.godwit.codec.MultifdCompressor;
import dev.godwit.codec.MultifdDecompressor;
import java.util.Optional;

/** How the pages of multifd packets are compressed; both sides are told, and use one (specification section 4.4). */
public enum MultifdMethod {
    /** Not at all. */
    NONE(0x00),
    /** By zlib. */
    ZLIB(0x02),
    /** By zstd. */
    ZSTD(0x04);

    /** The bits of a packet's flags that name its method. */
    static final int MASK = 0x3e;

    private final int flag;

    MultifdMethod(int flag) {
        this.flag = flag;
    }

    /** {@return the bits in a packet's flags} */
    public int flag() {
        return flag;
    }

    /** {@return the method of this name, as the parameter {@code multifd-compression} spells it} */
    public static Optional<MultifdMethod> ofName(String name) {
        return switch (name) {
            case "none" -> Optional.of(NONE);
            case "zlib" -> Optional.of(ZLIB);
            case "zstd" -> Optional.of(ZSTD);
            default -> Optional.empty();
        };
    }

    /**
     * Loads what this process needs for the method, once. Otherwise the first packet of each side waits for it: the
     * library of zstd is unpacked into a file and linked.
     *
     * @throws LinkageError if it cannot be loaded
     */
    public void prepare() {
        switch (this) {
            case NONE -> {}
            case ZLIB -> {
                MultifdCompressor.zlib(1).close();
                MultifdDecompressor.zlib().close();
            }
            case ZSTD -> {
                MultifdCompressor.zstd(1).close();
                MultifdDecompressor.zstd().close();
            }
        }
    }

    /** {@return the name of a method for an error, those that are not supported included} */
    static String describe(int flags) {
        int bits = flags & MASK;
        return switch (bits) {
            case 0x00 -> "none";
            case 0x02 -> "zlib";
            case 0x04 -> "zstd";
            case 0x08 -> "qpl";
            case 0x10 -> "uadk";
            case 0x20 -> "qatzip";
            default -> "0x%02x".formatted(bits);
        };
    }
}
