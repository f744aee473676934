/** What a user asks for, from end to end: receive, snapshot, restore. Joins the endpoints of the other rooms. */
@org.jspecify.annotations.NullMarked
module dev.godwit.operations {
    requires static org.jspecify;
    requires transitive dev.godwit.snapshot;
    requires transitive dev.godwit.transport;
    requires transitive dev.godwit.qmp;
    requires transitive dev.godwit.workload;
    requires transitive dev.godwit.kvm;

    exports dev.godwit.operations;
    exports dev.godwit.operations.machine;
}
