/** The migration itself: its ports, its errors and its progress, which other rooms implement or report. */
@org.jspecify.annotations.NullMarked
module dev.godwit.engine {
    requires static org.jspecify;
    requires transitive dev.godwit.ram;
    requires jdk.jfr;

    exports dev.godwit.engine;
    exports dev.godwit.engine.background;
    exports dev.godwit.engine.machine;
    exports dev.godwit.engine.migration;
    exports dev.godwit.engine.postcopy;
    exports dev.godwit.engine.precopy;
}
