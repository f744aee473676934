package dev.godwit.xen;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The integers of Xen's formats, which lie anywhere and are little-endian. */
final class Layouts {

    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Layouts() {}
}
