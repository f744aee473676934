package dev.godwit.testkit;

/** The releases of QEMU that the system tests run against. */
public enum QemuVersion {
    /** Debian backports' QEMU. */
    QEMU_10_0("qemu-10.0", "10.0"),
    /** Debian bookworm's own QEMU. */
    QEMU_7_2("qemu-7.2", "7.2");

    private final String peer;
    private final String release;

    QemuVersion(String peer, String release) {
        this.peer = peer;
        this.release = release;
    }

    /** {@return the name of its program under {@code .peers/bin}} */
    public String peer() {
        return peer;
    }

    /** {@return the release, such as 10.0} */
    public String release() {
        return release;
    }

    @Override
    public String toString() {
        return peer;
    }
}
