package dev.godwit.snapshot;

import dev.godwit.snapshot.FilePart.Kind;
import java.util.Optional;

/** The numbers that the kinds of parts have in a trailer. */
final class PartKinds {

    private PartKinds() {}

    static int number(Kind kind) {
        return switch (kind) {
            case HEAD -> 1;
            case BLOCK_ENTRY -> 2;
            case BITMAP -> 3;
            case RAM_END -> 4;
            case DEVICE -> 5;
            case EOF -> 6;
            case VMDESCRIPTION -> 7;
        };
    }

    static Optional<Kind> ofNumber(int number) {
        for (Kind kind : Kind.values()) {
            if (number(kind) == number) {
                return Optional.of(kind);
            }
        }
        return Optional.empty();
    }
}
