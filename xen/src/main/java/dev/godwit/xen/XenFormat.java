package dev.godwit.xen;

/** How a saved domain is written down (Xen migration specification sections 2 and 3). */
public enum XenFormat {
    /** Since Xen 4.6: libxc's stream, version 3 or 2, alone or in a libxl stream. */
    V3,
    /** From April 2007 to Xen 4.5; without a mark. */
    LEGACY,
    /** The saver of April 2007; without a mark. */
    SEED
}
