/** Migration URIs and the channels they open. */
@org.jspecify.annotations.NullMarked
module dev.godwit.transport {
    requires static org.jspecify;
    requires dev.godwit.linux;

    exports dev.godwit.transport;
}
