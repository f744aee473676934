package dev.godwit.snapshot;

import java.util.List;
import java.util.Optional;

/**
 * What was found behind QEMU's part of a file.
 *
 * @param recognised whether Godwit left a trailer there, whole or not
 * @param startBytes where it starts, or the end of the file where there is none or its start is unknown
 * @param endBytes where its sections end and its footer starts
 * @param trailer as far as it can be used
 * @param damages what is wrong with it
 */
record TrailerReading(
        boolean recognised, long startBytes, long endBytes, Optional<Trailer> trailer, List<Damage> damages) {

    TrailerReading {
        damages = List.copyOf(damages);
    }

    static TrailerReading none(long fileLengthBytes) {
        return new TrailerReading(false, fileLengthBytes, fileLengthBytes, Optional.empty(), List.of());
    }
}
