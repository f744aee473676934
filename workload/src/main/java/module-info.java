/** The workload machine: vCPUs that write RAM by a program which knows what every page holds at every moment. */
@org.jspecify.annotations.NullMarked
module dev.godwit.workload {
    requires static org.jspecify;
    requires transitive dev.godwit.engine;
    requires transitive dev.godwit.host;
    requires dev.godwit.linux;

    exports dev.godwit.workload;
}
