package dev.godwit.snapshot;

import java.nio.charset.StandardCharsets;
import java.time.Instant;

/**
 * How a snapshot came to be.
 *
 * @param createdAt when its commit began, to the millisecond
 * @param godwitVersion of the program that wrote it
 * @param qemuVersion of the QEMU that the guest ran in; empty where it was not known
 * @param mode how it was taken: {@code background}, {@code live}, {@code stop}, {@code receive}, {@code convert}
 * @param source where it came from, for people
 */
public record CreationFacts(Instant createdAt, String godwitVersion, String qemuVersion, String mode, String source) {

    /** The longest text, in bytes of UTF-8. */
    public static final int MAX_TEXT_BYTES = 4096;

    /**
     * Checks the texts and cuts the time to milliseconds.
     *
     * @throws IllegalArgumentException if a text is longer than {@link #MAX_TEXT_BYTES}
     */
    public CreationFacts {
        createdAt = Instant.ofEpochMilli(createdAt.toEpochMilli());
        for (String text : new String[] {godwitVersion, qemuVersion, mode, source}) {
            int bytes = text.getBytes(StandardCharsets.UTF_8).length;
            if (bytes > MAX_TEXT_BYTES) {
                throw new IllegalArgumentException(
                        "a creation fact has at most " + MAX_TEXT_BYTES + " bytes: bytes=" + bytes);
            }
        }
    }
}
