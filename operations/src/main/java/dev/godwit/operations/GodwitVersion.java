package dev.godwit.operations;

/** The release of this program. */
public final class GodwitVersion {

    /** What is written into snapshots, and what {@code godwit --version} says. */
    public static final String TEXT = "0.1.0-SNAPSHOT";

    private GodwitVersion() {}
}
