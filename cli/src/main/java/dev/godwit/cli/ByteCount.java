package dev.godwit.cli;

import dev.godwit.transport.ByteSize;
import picocli.CommandLine.TypeConversionException;

/**
 * A size given as an option: {@code 64M}.
 *
 * @param bytes how many bytes that is
 */
record ByteCount(long bytes) {

    static ByteCount parse(String text) {
        try {
            return new ByteCount(ByteSize.parse(text));
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
