package dev.godwit.engine.migration;

import static dev.godwit.engine.migration.MigrationEffect.CLOSE_CONNECTIONS;
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
import dev.godwit.engine.migration.MigrationState.IncomingPostcopy;
import dev.godwit.engine.migration.MigrationState.Setup;
import dev.godwit.engine.migration.MigrationState.SourceLink;
import dev.godwit.engine.migration.MigrationTrigger.AllReceived;
import dev.godwit.engine.migration.MigrationTrigger.Begin;
import dev.godwit.engine.migration.MigrationTrigger.Broken;
import dev.godwit.engine.migration.MigrationTrigger.Confirmed;
import dev.godwit.engine.migration.MigrationTrigger.Failure;
import dev.godwit.engine.migration.MigrationTrigger.Listening;
import dev.godwit.engine.migration.MigrationTrigger.Loaded;
import dev.godwit.engine.migration.MigrationTrigger.Reconnected;
import dev.godwit.engine.migration.MigrationTrigger.Resumed;
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

    private static final IncomingPostcopy LISTENING = new IncomingPostcopy(SourceLink.CONNECTED, false, "");
    private static final IncomingPostcopy RUNNING = new IncomingPostcopy(SourceLink.CONNECTED, true, "");
    private static final IncomingPostcopy PAUSED_EARLY = new IncomingPostcopy(SourceLink.BROKEN, false, "gone");
    private static final IncomingPostcopy PAUSED = new IncomingPostcopy(SourceLink.BROKEN, true, "gone");
    private static final IncomingPostcopy RECOVERING_EARLY = new IncomingPostcopy(SourceLink.RECOVERING, false, "");
    private static final IncomingPostcopy RECOVERING = new IncomingPostcopy(SourceLink.RECOVERING, true, "");

    private static final Step NEVER_STARTED =
            new Step(SourceStatesTest.FAILED, List.of(REFUSE, CLOSE_CONNECTIONS, TELL_STATUS));

    private static final Map<MigrationState, Map<MigrationTrigger, Step>> TABLE = Map.ofEntries(
            Map.entry(new Idle(), Map.of(new Begin(), new Step(new Setup(), List.of(TELL_STATUS)))),
            Map.entry(
                    new Setup(),
                    Map.of(
                            new SetUp(), new Step(new Active(), List.of(TELL_STATUS)),
                            new Failure("cut"), new Step(SourceStatesTest.FAILED, List.of(REFUSE, TELL_STATUS)))),
            Map.entry(
                    new Active(),
                    Map.of(
                            new Loaded(), new Step(new Handover(), List.of(START_GUEST, CONFIRM)),
                            new Listening(), new Step(LISTENING, List.of(TELL_STATUS)),
                            new Failure("cut"), new Step(SourceStatesTest.FAILED, List.of(REFUSE, TELL_STATUS)))),
            Map.entry(
                    new Handover(),
                    Map.of(
                            new Confirmed(), new Step(new Completed(), List.of(TELL_STATUS)),
                            new Failure("cut"),
                                    new Step(SourceStatesTest.FAILED, List.of(STOP_GUEST, REFUSE, TELL_STATUS)))),
            Map.entry(
                    LISTENING,
                    Map.of(
                            new Loaded(), new Step(RUNNING, List.of(START_GUEST)),
                            new Broken("gone"), new Step(PAUSED_EARLY, List.of(CLOSE_CONNECTIONS, TELL_STATUS)),
                            new Failure("cut"), NEVER_STARTED)),
            Map.entry(
                    RUNNING,
                    Map.of(
                            new Broken("gone"), new Step(PAUSED, List.of(CLOSE_CONNECTIONS, TELL_STATUS)),
                            new AllReceived(), new Step(new Completed(), List.of(CONFIRM, TELL_STATUS)))),
            Map.entry(
                    PAUSED_EARLY,
                    Map.of(
                            new Loaded(), new Step(PAUSED, List.of(START_GUEST)),
                            new Broken("gone"), new Step(PAUSED_EARLY, List.of()),
                            new Reconnected(), new Step(RECOVERING_EARLY, List.of(TELL_STATUS)),
                            new Failure("cut"), NEVER_STARTED)),
            Map.entry(
                    PAUSED,
                    Map.of(
                            new Broken("gone"), new Step(PAUSED, List.of()),
                            new Reconnected(), new Step(RECOVERING, List.of(TELL_STATUS)))),
            Map.entry(
                    RECOVERING_EARLY,
                    Map.of(
                            new Loaded(), new Step(RECOVERING, List.of(START_GUEST)),
                            new Broken("gone"), new Step(PAUSED_EARLY, List.of(CLOSE_CONNECTIONS, TELL_STATUS)),
                            new Resumed(), new Step(LISTENING, List.of(TELL_STATUS)),
                            new Failure("cut"), NEVER_STARTED)),
            Map.entry(
                    RECOVERING,
                    Map.of(
                            new Broken("gone"), new Step(PAUSED, List.of(CLOSE_CONNECTIONS, TELL_STATUS)),
                            new Resumed(), new Step(RUNNING, List.of(TELL_STATUS)))),
            Map.entry(new Completed(), Map.of()),
            Map.entry(
                    SourceStatesTest.FAILED, Map.of(new Broken("gone"), new Step(SourceStatesTest.FAILED, List.of()))),
            Map.entry(new Device(true, false), Map.of()));

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
