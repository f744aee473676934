/** A machine that runs a real guest on KVM: vCPUs, memory slots, a small board, and its state saved and restored. */
@org.jspecify.annotations.NullMarked
module dev.godwit.kvm {
    requires static org.jspecify;
    requires dev.godwit.linux;
    requires transitive dev.godwit.engine;
    requires transitive dev.godwit.ram;

    exports dev.godwit.kvm;
}
