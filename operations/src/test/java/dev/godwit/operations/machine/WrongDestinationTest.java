package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.WritingMachine;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Destinations that cannot take the guest: each says why, and the guest goes on at the source. */
@Timeout(300)
class WrongDestinationTest {

    private static final long RAM_BYTES = 16L << 20;

    @TempDir
    private Path folder;

    private static WorkloadOptions machine() {
        return WorkloadOptions.ofRam(RAM_BYTES).withLoad(WorkloadLoad.of(2000, WorkloadPattern.RANDOM));
    }

    @Test
    void a_destination_of_another_size_refuses_and_the_guest_stays() throws Exception {
        try (HostPair pair = new HostPair(folder, machine(), WorkloadOptions.ofRam(2 * RAM_BYTES))
                .with(MigrationCapability.RETURN_PATH)) {
            pair.begin();
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            assertThat(pair.source.migration().errorDescription()).isPresent();
            Await.until("failed", () -> pair.destination.migration().status() == MigrationStatus.FAILED);
            assertThat(pair.destination.migration().errorDescription().orElseThrow())
                    .contains("block ram", Long.toString(RAM_BYTES), Long.toString(2 * RAM_BYTES));
            pair.assertStayed();
        }
    }

    @Test
    void a_destination_that_is_somebody_else_refuses_and_the_guest_stays() throws Exception {
        try (HostPair pair = new HostPair(
                        folder, machine().withUuid(new UUID(1, 2)), machine().withUuid(new UUID(1, 3)))
                .with(MigrationCapability.RETURN_PATH, MigrationCapability.VALIDATE_UUID)) {
            pair.begin();
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            Await.until("failed", () -> pair.destination.migration().status() == MigrationStatus.FAILED);
            assertThat(pair.destination.migration().errorDescription().orElseThrow())
                    .contains("UUID");
            pair.assertStayed();
        }
    }

    @Test
    void multifd_on_one_side_only_fails_and_the_guest_stays() throws Exception {
        try (HostPair pair = new HostPair(folder, machine())) {
            pair.source.setCapabilities(Map.of(MigrationCapability.MULTIFD, true));
            pair.begin();
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            pair.assertStayed();
        }
    }

    @Test
    void a_destination_of_another_machine_type_refuses_and_the_guest_stays() throws Exception {
        assertThat(refusalBy(WorkloadMachine.incoming(machine()), writing("another-machine-7")))
                .contains("another-machine-7", WorkloadMachine.TYPE);
    }

    @Test
    void a_destination_that_knows_older_devices_only_refuses_and_the_guest_stays() throws Exception {
        assertThat(refusalBy(writing("test-1"), writing("test-1").vcpuVersion(99)))
                .contains("test/vcpu", "version 99");
    }

    @Test
    void a_destination_that_cannot_start_a_guest_that_goes_first_gives_it_back() throws Exception {
        assumeThat(PostcopySupport.of(RamBacking.ANONYMOUS, false).refusals()).isEmpty();
        Map<MigrationCapability, Boolean> postcopy =
                Map.of(MigrationCapability.POSTCOPY_RAM, true, MigrationCapability.RELEASE_RAM, true);
        WorkloadMachine guest = WorkloadMachine.create(machine());
        WorkloadMachine here = WorkloadMachine.incoming(machine());
        String uri = "unix:" + folder.resolve("other.sock");
        try (GuestHost source = new GuestHost(
                        guest, Optional.empty(), false, Optional.of(new UserfaultfdRam(guest.ram(), false)));
                GuestHost destination = new GuestHost(
                        neverStarting(here),
                        Optional.empty(),
                        true,
                        Optional.of(new UserfaultfdRam(here.ram(), false)))) {
            source.cont();
            source.setCapabilities(postcopy);
            destination.setCapabilities(postcopy);
            destination.migrateIncoming(uri, false);
            source.migrate(uri, false);
            source.migrateStartPostcopy();
            Await.until("a failed destination", () -> destination.migration().status() == MigrationStatus.FAILED);
            Await.until("a failed source", () -> source.migration().status() == MigrationStatus.FAILED);

            assertThat(destination.migration().errorDescription().orElseThrow()).contains("no core is left");
            assertThat(source.runStatus()).isEqualTo(RunStatus.RUNNING);
            assertThat(guest.isRunning()).isTrue();
            assertThat(here.isRunning()).isFalse();
            HostPair.assertSound(source, guest);
        }
    }

    /** The same machine, but that it does not run. */
    private static Machine neverStarting(Machine machine) {
        return (Machine) Proxy.newProxyInstance(
                Machine.class.getClassLoader(), new Class<?>[] {Machine.class}, (_, method, arguments) -> {
                    if (method.getName().equals("resume")) {
                        throw new IOException("no core is left");
                    }
                    try {
                        return method.invoke(machine, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                });
    }

    private static WritingMachine writing(String type) {
        return new WritingMachine(type, 3, 100_000, new RamBlock("ram", RAM_BYTES)).filled();
    }

    /** Both machines end with this. {@return why the destination did not take the guest, which goes on} */
    private String refusalBy(Machine here, Machine guest) throws IOException, ControlException {
        Map<MigrationCapability, Boolean> returnPath = Map.of(MigrationCapability.RETURN_PATH, true);
        String uri = "unix:" + folder.resolve("other.sock");
        try (GuestHost source = new GuestHost(guest, Optional.empty(), false);
                GuestHost destination = new GuestHost(here, Optional.empty(), true)) {
            source.cont();
            source.setCapabilities(returnPath);
            destination.setCapabilities(returnPath);
            destination.migrateIncoming(uri, false);
            source.migrate(uri, false);
            Await.until("a failed destination", () -> destination.migration().status() == MigrationStatus.FAILED);
            Await.until("a failed source", () -> source.migration().status() == MigrationStatus.FAILED);
            assertThat(source.runStatus()).isEqualTo(RunStatus.RUNNING);
            assertThat(guest.isRunning()).isTrue();
            assertThat(here.isRunning()).isFalse();
            return destination.migration().errorDescription().orElseThrow();
        }
    }
}
