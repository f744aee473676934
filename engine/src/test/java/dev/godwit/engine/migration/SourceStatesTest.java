package dev.godwit.engine.migration;

import static dev.godwit.engine.migration.MigrationEffect.CLOSE_CONNECTIONS;
import static dev.godwit.engine.migration.MigrationEffect.END_OUTPUT;
import static dev.godwit.engine.migration.MigrationEffect.GIVE_GUEST_UP;
import static dev.godwit.engine.migration.MigrationEffect.TAKE_GUEST_BACK;
import static dev.godwit.engine.migration.MigrationEffect.TELL_STATUS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.migration.MigrationState.Active;
import dev.godwit.engine.migration.MigrationState.Cancelled;
import dev.godwit.engine.migration.MigrationState.Cancelling;
import dev.godwit.engine.migration.MigrationState.Completed;
import dev.godwit.engine.migration.MigrationState.Device;
import dev.godwit.engine.migration.MigrationState.Failed;
import dev.godwit.engine.migration.MigrationState.Handover;
import dev.godwit.engine.migration.MigrationState.Idle;
import dev.godwit.engine.migration.MigrationState.PostcopyActive;
import dev.godwit.engine.migration.MigrationState.PostcopyPaused;
import dev.godwit.engine.migration.MigrationState.PostcopyRecover;
import dev.godwit.engine.migration.MigrationState.PostcopyRecoverSetup;
import dev.godwit.engine.migration.MigrationState.PreSwitchover;
import dev.godwit.engine.migration.MigrationState.Setup;
import dev.godwit.engine.migration.MigrationTrigger.Abandon;
import dev.godwit.engine.migration.MigrationTrigger.AllSent;
import dev.godwit.engine.migration.MigrationTrigger.Begin;
import dev.godwit.engine.migration.MigrationTrigger.Cancel;
import dev.godwit.engine.migration.MigrationTrigger.Confirmed;
import dev.godwit.engine.migration.MigrationTrigger.Continue;
import dev.godwit.engine.migration.MigrationTrigger.Failure;
import dev.godwit.engine.migration.MigrationTrigger.GuestStopped;
import dev.godwit.engine.migration.MigrationTrigger.HandedOver;
import dev.godwit.engine.migration.MigrationTrigger.Loaded;
import dev.godwit.engine.migration.MigrationTrigger.Reconnected;
import dev.godwit.engine.migration.MigrationTrigger.Refused;
import dev.godwit.engine.migration.MigrationTrigger.Resume;
import dev.godwit.engine.migration.MigrationTrigger.Resumed;
import dev.godwit.engine.migration.MigrationTrigger.SetUp;
import dev.godwit.engine.migration.MigrationTrigger.Undone;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every state meets every trigger. What is not in the table must be refused. */
class SourceStatesTest {

    static final List<MigrationTrigger> TRIGGERS = List.of(
            new Begin(),
            new SetUp(),
            new GuestStopped(false),
            new GuestStopped(true),
            new Continue(),
            new AllSent(false),
            new AllSent(true),
            new Loaded(),
            new Confirmed(),
            new Cancel(),
            new Undone(),
            new MigrationTrigger.Listening(),
            new MigrationTrigger.Broken("gone"),
            new MigrationTrigger.AllReceived(),
            new HandedOver(),
            new Refused("cut"),
            new Resume(),
            new Reconnected(),
            new Resumed(),
            new Abandon("gone"),
            new Failure("cut"));

    private static final Failed ABANDONED = new Failed("gone", GuestLocation.GUEST_LOST);
    private static final PostcopyPaused PAUSED = new PostcopyPaused("cut");

    static final Failed FAILED = new Failed("cut", GuestLocation.GUEST_AT_SOURCE);
    private static final Set<MigrationEffect> FATES = Set.of(TAKE_GUEST_BACK, GIVE_GUEST_UP);
    private static final String TOO_EARLY = "the destination said that it has the guest before it can have it";

    private static final Map<MigrationState, Map<MigrationTrigger, MigrationState>> TABLE = Map.ofEntries(
            Map.entry(new Idle(), atRest(new Idle())),
            Map.entry(new Completed(), atRest(new Completed())),
            Map.entry(new Cancelled(), atRest(new Cancelled())),
            Map.entry(FAILED, atRest(FAILED)),
            Map.entry(
                    new Setup(),
                    Map.of(
                            new SetUp(), new Active(),
                            new Cancel(), new Cancelling(false),
                            new Confirmed(), new Failed(TOO_EARLY, GuestLocation.GUEST_AT_SOURCE),
                            new Failure("cut"), FAILED)),
            Map.entry(
                    new Active(),
                    Map.of(
                            new GuestStopped(false), new Device(false, false),
                            new GuestStopped(true), new PreSwitchover(),
                            new Cancel(), new Cancelling(false),
                            new Confirmed(), new Failed(TOO_EARLY, GuestLocation.GUEST_AT_SOURCE),
                            new Failure("cut"), FAILED)),
            Map.entry(
                    new PreSwitchover(),
                    Map.of(
                            new Continue(), new Device(false, false),
                            new Cancel(), new Cancelling(false),
                            new Confirmed(), new Failed(TOO_EARLY, GuestLocation.GUEST_AT_SOURCE),
                            new Failure("cut"), FAILED)),
            Map.entry(
                    new Device(false, false),
                    Map.of(
                            new AllSent(false), new Completed(),
                            new AllSent(true), new Device(true, false),
                            new Confirmed(), new Device(false, true),
                            new HandedOver(), new PostcopyActive(),
                            new Cancel(), new Cancelling(true),
                            new Failure("cut"), FAILED)),
            Map.entry(
                    new Device(false, true),
                    Map.of(
                            new AllSent(false), new Completed(),
                            new AllSent(true), new Completed(),
                            new Confirmed(), new Device(false, true),
                            new HandedOver(), new PostcopyActive(),
                            new Cancel(), new Device(false, true),
                            new Failure("cut"), new Completed())),
            Map.entry(
                    new Device(true, false),
                    Map.of(
                            new AllSent(false), new Completed(),
                            new AllSent(true), new Device(true, false),
                            new Confirmed(), new Completed(),
                            new HandedOver(), new PostcopyActive(),
                            new Cancel(), new Cancelling(true),
                            new Failure("cut"),
                                    new Failed(
                                            "everything had been sent, but the destination did not say that it has the"
                                                    + " guest, which goes on at the source; make sure that it does not"
                                                    + " run at the destination too: cut",
                                            GuestLocation.GUEST_AT_SOURCE))),
            Map.entry(new Cancelling(false), cancelling(false)),
            Map.entry(new Cancelling(true), cancelling(true)),
            Map.entry(
                    new PostcopyActive(),
                    Map.of(
                            new Confirmed(), new Completed(),
                            new Refused("cut"), FAILED,
                            new Cancel(), new PostcopyActive(),
                            new Abandon("gone"), ABANDONED,
                            new Failure("cut"), PAUSED)),
            Map.entry(
                    PAUSED,
                    Map.of(
                            new Resume(), new PostcopyRecoverSetup(),
                            new Cancel(), PAUSED,
                            new Abandon("gone"), ABANDONED,
                            new Failure("cut"), PAUSED)),
            Map.entry(
                    new PostcopyRecoverSetup(),
                    Map.of(
                            new Reconnected(),
                            new PostcopyRecover(),
                            new Cancel(),
                            new PostcopyRecoverSetup(),
                            new Abandon("gone"),
                            ABANDONED,
                            new Failure("cut"),
                            PAUSED)),
            Map.entry(
                    new PostcopyRecover(),
                    Map.of(
                            new Resumed(),
                            new PostcopyActive(),
                            new Cancel(),
                            new PostcopyRecover(),
                            new Abandon("gone"),
                            ABANDONED,
                            new Failure("cut"),
                            PAUSED)),
            Map.entry(ABANDONED, atRest(ABANDONED)),
            Map.entry(new Handover(), Map.of()));

    private static Map<MigrationTrigger, MigrationState> atRest(MigrationState state) {
        return Map.of(new Begin(), new Setup(), new Cancel(), state, new Confirmed(), state);
    }

    private static Map<MigrationTrigger, MigrationState> cancelling(boolean mayBeThere) {
        Cancelling same = new Cancelling(mayBeThere);
        return Map.ofEntries(
                Map.entry(new Undone(), new Cancelled()),
                Map.entry(new Confirmed(), mayBeThere ? new Completed() : same),
                Map.entry(new AllSent(false), new Completed()),
                Map.entry(new AllSent(true), same),
                Map.entry(new HandedOver(), new PostcopyActive()),
                Map.entry(new SetUp(), same),
                Map.entry(new GuestStopped(false), same),
                Map.entry(new GuestStopped(true), same),
                Map.entry(new Continue(), same),
                Map.entry(new Cancel(), same),
                Map.entry(new Failure("cut"), same));
    }

    static Stream<Arguments> everyStateWithEveryTrigger() {
        return TABLE.keySet().stream().flatMap(state -> TRIGGERS.stream().map(trigger -> Arguments.of(state, trigger)));
    }

    @ParameterizedTest
    @MethodSource("everyStateWithEveryTrigger")
    void the_table_holds(MigrationState state, MigrationTrigger trigger) {
        MigrationState expected = TABLE.getOrDefault(state, Map.of()).get(trigger);
        if (expected == null) {
            assertThatThrownBy(() -> SourceStates.next(state, trigger)).isInstanceOf(IllegalStateException.class);
            return;
        }
        MigrationTransition transition = SourceStates.next(state, trigger);

        assertThat(transition.state()).isEqualTo(expected);
        assertThat(transition.effects().contains(GIVE_GUEST_UP))
                .as("the guest is given up exactly where the migration completes")
                .isEqualTo(expected instanceof Completed && !state.equals(expected));
        assertThat(transition.effects().contains(TAKE_GUEST_BACK))
                .as("the guest is taken back exactly where it fails or is undone, and never once it is lost")
                .isEqualTo(!state.equals(expected)
                        && !expected.equals(ABANDONED)
                        && (expected instanceof Failed || expected instanceof Cancelled));
        assertThat(transition.effects().contains(TELL_STATUS)).isEqualTo(state.status() != expected.status());
        if (expected instanceof Cancelling(boolean mayBeThere) && !state.equals(expected)) {
            assertThat(transition.effects())
                    .as("in the last stage the destination has the last word")
                    .contains(mayBeThere ? END_OUTPUT : CLOSE_CONNECTIONS);
        }
    }

    @Test
    void a_guest_that_has_gone_first_comes_back_only_where_the_destination_says_that_it_never_ran() {
        for (MigrationState state : TABLE.keySet()) {
            boolean gone = state instanceof PostcopyActive
                    || state instanceof PostcopyPaused
                    || state instanceof PostcopyRecoverSetup
                    || state instanceof PostcopyRecover;
            for (MigrationTrigger trigger : TABLE.get(state).keySet()) {
                if (gone && !(trigger instanceof Refused)) {
                    assertThat(SourceStates.next(state, trigger).effects())
                            .as("%s in %s", trigger, state)
                            .doesNotContain(TAKE_GUEST_BACK);
                }
            }
        }
    }

    @Test
    void every_state_but_the_destinations_can_be_reached() {
        Set<MigrationState> reached = new HashSet<>(Set.of(new Idle()));
        Queue<MigrationState> todo = new ArrayDeque<>(reached);
        while (!todo.isEmpty()) {
            MigrationState state = todo.remove();
            for (MigrationState next : TABLE.getOrDefault(state, Map.of()).values()) {
                if (reached.add(next)) {
                    todo.add(next);
                }
            }
        }
        assertThat(reached)
                .containsAll(TABLE.keySet().stream()
                        .filter(state -> !(state instanceof Handover))
                        .toList());
    }

    @Test
    void one_migration_decides_the_guests_fate_once() {
        // From every state, along every path: after a fate, none follows without another Begin.
        Set<List<Object>> seen = new HashSet<>();
        Queue<List<Object>> todo = new ArrayDeque<>(List.of(List.of(new Idle(), 0)));
        while (!todo.isEmpty()) {
            List<Object> node = todo.remove();
            MigrationState state = (MigrationState) node.get(0);
            for (MigrationTrigger trigger : TRIGGERS) {
                boolean again = trigger instanceof Begin && !(state instanceof Idle);
                if (again || !TABLE.getOrDefault(state, Map.of()).containsKey(trigger)) {
                    continue;
                }
                MigrationTransition transition = SourceStates.next(state, trigger);
                int fates = (int) node.get(1)
                        + (int) transition.effects().stream()
                                .filter(FATES::contains)
                                .count();
                assertThat(fates).as("%s in %s", trigger, state).isLessThanOrEqualTo(1);
                List<Object> next = List.of(transition.state(), fates);
                if (seen.add(next)) {
                    todo.add(next);
                }
            }
        }
    }
}
