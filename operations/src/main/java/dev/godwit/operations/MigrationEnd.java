package dev.godwit.operations;

import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpEvent;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Hears from a QEMU that its migration has completed, without asking. At the end of an incoming postcopy QEMU gives up
 * in one thread what {@code query-migrate} reads in another, and now and then a QEMU that is asked in that moment
 * crashes with the guest (seen with 7.2.22: abort in {@code qmp_query_migrate}, while
 * {@code migration_incoming_state_destroy} was under way). It says {@code completed} just before, where its capability
 * {@code events} is on.
 */
final class MigrationEnd {

    private final CompletableFuture<MigrationStatus> completed = new CompletableFuture<>();

    /** Hears a QEMU from now on, until its connection ends. */
    static MigrationEnd of(QmpClient qmp) {
        MigrationEnd end = new MigrationEnd();
        qmp.subscribe(end::hear);
        return end;
    }

    private void hear(QmpEvent event) {
        MigrationStatus.in(event).filter(MigrationStatus::isCompleted).ifPresent(completed::complete);
    }

    /** {@return that it has completed; empty where that has not been heard} */
    Optional<MigrationStatus> heard() {
        return Optional.ofNullable(completed.getNow(null));
    }

    /** {@return that it has completed; empty where that has not been heard by then} */
    Optional<MigrationStatus> await(Duration longest) throws InterruptedException {
        try {
            return Optional.of(completed.get(longest.toMillis(), TimeUnit.MILLISECONDS));
        } catch (TimeoutException _) {
            return Optional.empty();
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        }
    }
}
