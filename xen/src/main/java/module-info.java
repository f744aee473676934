/** Xen's formats of a saved HVM domain: read record by record, and written; and its saver of 2007. */
@org.jspecify.annotations.NullMarked
module dev.godwit.xen {
    requires static org.jspecify;
    requires transitive dev.godwit.engine;

    exports dev.godwit.xen;
}
