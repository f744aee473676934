/** The memory of machines on this host: how it is had, and how the kernel tells which pages are written. */
@org.jspecify.annotations.NullMarked
module dev.godwit.host {
    requires static org.jspecify;
    requires transitive dev.godwit.engine;
    requires transitive dev.godwit.linux;

    exports dev.godwit.host;
}
