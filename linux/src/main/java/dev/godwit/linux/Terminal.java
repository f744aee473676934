package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.godwit.linux.calls.IoctlCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.Optional;

/** The terminal behind a standard stream. */
public final class Terminal {

    /** The descriptor of standard output. */
    public static final int STANDARD_OUTPUT = 1;

    /** The descriptor of standard error. */
    public static final int STANDARD_ERROR = 2;

    static final long TIOCGWINSZ = 0x5413;

    /** {@code struct winsize} of {@code sys/ioctl.h}. */
    static final StructLayout WINSIZE_LAYOUT = MemoryLayout.structLayout(
                    JAVA_SHORT.withName("ws_row"),
                    JAVA_SHORT.withName("ws_col"),
                    JAVA_SHORT.withName("ws_xpixel"),
                    JAVA_SHORT.withName("ws_ypixel"))
            .withName("winsize");

    private Terminal() {}

    /**
     * The size of a terminal.
     *
     * @param rows lines, 0 where the terminal does not know
     * @param columns characters in a line, 0 where the terminal does not know
     */
    public record Size(int rows, int columns) {}

    /** {@return whether a descriptor of this process is a terminal} */
    public static boolean isTerminal(int descriptor) {
        return size(descriptor).isPresent();
    }

    /** {@return the size of the terminal that a descriptor of this process is; empty where it is none} */
    public static Optional<Size> size(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment size = arena.allocate(WINSIZE_LAYOUT);
            if (IoctlCalls.ioctl(descriptor, TIOCGWINSZ, size) < 0) {
                return Optional.empty();
            }
            return Optional.of(new Size(field(size, "ws_row"), field(size, "ws_col")));
        }
    }

    private static int field(MemorySegment size, String name) {
        return Short.toUnsignedInt(size.get(JAVA_SHORT, WINSIZE_LAYOUT.byteOffset(PathElement.groupElement(name))));
    }
}
