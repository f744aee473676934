package dev.godwit.bench.report;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What one side did in one way, in all rounds.
 *
 * @param group what is compared with one another
 * @param way how it was done
 * @param who the side
 * @param axis what grows, where the group shows that; empty elsewhere
 * @param at how far it has grown; present exactly where {@code axis} is not empty
 * @param measures for each measure one figure a round. Of one that counts something a second more is better, of any
 *     other less
 * @param errors why rounds have failed
 */
record Row(
        String group,
        String way,
        String who,
        String axis,
        OptionalDouble at,
        Map<String, List<Double>> measures,
        List<String> errors) {

    Row {
        if (axis.isEmpty() == at.isPresent()) {
            throw new IllegalArgumentException("axis '%s', at %s".formatted(axis, at));
        }
        measures = Map.copyOf(measures);
        errors = List.copyOf(errors);
    }

    /** {@return the figures of a measure, if there are any} */
    Optional<Spread> spread(String measure) {
        List<Double> figures = measures.getOrDefault(measure, List.of());
        return figures.isEmpty() ? Optional.empty() : Optional.of(Spread.of(figures));
    }

    /** {@return whether more of a measure is better} */
    static boolean isMoreBetter(String measure) {
        return measure.endsWith("/s") || measure.endsWith("/s synced");
    }
}
