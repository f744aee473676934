/** Xen's formats of a saved HVM domain: read record by record, and written. */
@org.jspecify.annotations.NullMarked
module dev.godwit.xen {
    requires static org.jspecify;
    requires transitive dev.godwit.engine;

    exports dev.godwit.xen;
}
