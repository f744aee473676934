package dev.godwit.engine.migration;

import static dev.godwit.engine.migration.MigrationEffect.CONFIRM;
import static dev.godwit.engine.migration.MigrationEffect.REFUSE;
import static dev.godwit.engine.migration.MigrationEffect.START_GUEST;
import static dev.godwit.engine.migration.MigrationEffect.STOP_GUEST;
import static dev.godwit.engine.migration.MigrationEffect.TELL_STATUS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.migration.MigrationState.Active;
import dev.godwit.engine.migration.MigrationState.Completed;
import dev.godwit.engine.migration.MigrationState.Device;
import dev.godwit.engine.migration.MigrationState.Handover;
import dev.godwit.engine.migration.MigrationState.Idle;
import dev.godwit.engine.migration.MigrationState.Setup;
import dev.godwit.engine.migration.MigrationTrigger.Begin;
import dev.godwit.engine.migration.MigrationTrigger.Confirmed;
import dev.godwit.engine.migration.MigrationTrigger.Failure;
import dev.godwit.engine.migration.MigrationTrigger.Loaded;
import dev.godwit.engine.migration.MigrationTrigger.SetUp;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every state meets every trigger. What is not in the table must be refused. */
class DestinationStatesTest {

    private record Step(MigrationState state, List<MigrationEffect> effects) {}

    private static final Map<MigrationState, Map<MigrationTrigger, Step>> TABLE = Map.of(
            new Idle(),
            Map.of(new Begin(), new Step(new Setup(), List.of(TELL_STATUS))),
            new Setup(),
            Map.of(
                    new SetUp(), new Step(new Active(), List.of(TELL_STATUS)),
                    new Failure("cut"), new Step(SourceStatesTest.FAILED, List.of(REFUSE, TELL_STATUS))),
            new Active(),
            Map.of(
                    new Loaded(), new Step(new Handover(), List.of(START_GUEST, CONFIRM)),
                    new Failure("cut"), new Step(SourceStatesTest.FAILED, List.of(REFUSE, TELL_STATUS))),
            new Handover(),
            Map.of(
                    new Confirmed(), new Step(new Completed(), List.of(TELL_STATUS)),
                    new Failure("cut"), new Step(SourceStatesTest.FAILED, List.of(STOP_GUEST, REFUSE, TELL_STATUS))),
            new Completed(),
            Map.of(),
            SourceStatesTest.FAILED,
            Map.of(),
            new Device(true, false),
            Map.of());

    static Stream<Arguments> everyStateWithEveryTrigger() {
        return TABLE.keySet().stream()
                .flatMap(state -> SourceStatesTest.TRIGGERS.stream().map(trigger -> Arguments.of(state, trigger)));
    }

    @ParameterizedTest
    @MethodSource("everyStateWithEveryTrigger")
    void the_table_holds(MigrationState state, MigrationTrigger trigger) {
        Step expected = TABLE.getOrDefault(state, Map.of()).get(trigger);
        if (expected == null) {
            assertThatThrownBy(() -> DestinationStates.next(state, trigger)).isInstanceOf(IllegalStateException.class);
            return;
        }
        MigrationTransition transition = DestinationStates.next(state, trigger);

        assertThat(transition.state()).isEqualTo(expected.state());
        assertThat(transition.effects()).isEqualTo(expected.effects());
    }
}
