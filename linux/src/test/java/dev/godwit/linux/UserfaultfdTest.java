package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.linux.FaultEvents.Event;
import dev.godwit.linux.Userfaultfd.Mode;
import dev.godwit.linux.Userfaultfd.Request;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class UserfaultfdTest {

    private static final int PAGE = Host.pageSize();
    private static final int PAGES = 64;
    private static final long LENGTH = (long) PAGES * PAGE;

    private Mapping memory;
    private Mapping source;

    @BeforeEach
    void map() throws Exception {
        memory = Mapping.anonymous(LENGTH);
        memory.advise(Advice.NOHUGEPAGE);
        source = Mapping.anonymous(LENGTH);
        source.advise(Advice.NOHUGEPAGE);
        for (int i = 0; i < PAGES; i++) {
            source.memory().set(JAVA_LONG, (long) i * PAGE, 1000 + i);
        }
    }

    @AfterEach
    void unmap() {
        memory.close();
        source.close();
    }

    @Test
    void missing_pages_are_served_by_another_thread_while_the_collector_runs() throws Exception {
        try (Userfaultfd userfaultfd = FaultServer.open(UserfaultfdFeature.THREAD_ID)) {
            assertThat(userfaultfd.register(memory.address(), LENGTH, Mode.MISSING))
                    .contains(Request.COPY, Request.ZEROPAGE, Request.WAKE);
            AtomicBoolean done = new AtomicBoolean();
            Thread collecting = Thread.ofPlatform().start(() -> {
                while (!done.get()) {
                    System.gc();
                }
            });
            try (FaultServer server = new FaultServer(userfaultfd, event -> {
                long page = ((Event.PageFault) event).address() & -PAGE;
                long from = source.address() + page - memory.address();
                assertThat(userfaultfd.copy(page, from, PAGE, false, true)).isEqualTo(PAGE);
            })) {
                for (int i = 0; i < PAGES; i++) {
                    assertThat(NativeMemory.load(address(i))).isEqualTo(1000 + i);
                }
                assertThat(server.seen).hasSize(PAGES).allSatisfy(event -> {
                    assertThat(((Event.PageFault) event).threadId()).isEqualTo(Threads.currentId());
                    assertThat(((Event.PageFault) event).write()).isFalse();
                });
            } finally {
                done.set(true);
                collecting.join();
            }
        }
    }

    @Test
    void a_system_call_on_a_missing_page_waits_for_it_too() throws Exception {
        assumeThat(Userfaultfd.probe(Userfaultfd.Way.SYSTEM_CALL))
                .as("this user may handle faults of user code only")
                .isInstanceOf(Userfaultfd.Support.Available.class);
        try (Userfaultfd userfaultfd = Userfaultfd.open(Set.of(), Set.of(), Userfaultfd.Way.SYSTEM_CALL);
                Mapping target = Mapping.anonymous(PAGE)) {
            userfaultfd.register(memory.address(), LENGTH, Mode.MISSING);
            try (FaultServer server = new FaultServer(
                    userfaultfd,
                    event -> userfaultfd.copy(
                            ((Event.PageFault) event).address() & -PAGE, source.address(), PAGE, false, true))) {
                assertThat(ProcessMemory.read(target.address(), address(3), 8)).isEqualTo(8);
                assertThat(target.memory().get(JAVA_LONG, 0)).isEqualTo(1000);
                assertThat(server.seen).hasSize(1);
            }
        }
    }

    @Test
    void in_user_mode_only_a_system_call_on_a_missing_page_fails() throws Exception {
        assumeThat(Userfaultfd.probe(Userfaultfd.Way.USER_MODE_ONLY)).isInstanceOf(Userfaultfd.Support.Available.class);
        try (Userfaultfd userfaultfd = Userfaultfd.open(Set.of(), Set.of(), Userfaultfd.Way.USER_MODE_ONLY);
                Mapping target = Mapping.anonymous(PAGE)) {
            userfaultfd.register(memory.address(), LENGTH, Mode.MISSING);
            assertThat(ProcessMemory.read(target.address(), address(3), 8)).isEqualTo(-Errno.EFAULT.code());
        }
    }

    @ParameterizedTest
    @EnumSource(Userfaultfd.Way.class)
    void each_way_opens_as_its_probe_says(Userfaultfd.Way way) throws Exception {
        switch (Userfaultfd.probe(way)) {
            case Userfaultfd.Support.Available(var available) -> {
                Set<UserfaultfdFeature> optional = EnumSet.of(UserfaultfdFeature.THREAD_ID, UserfaultfdFeature.MOVE);
                try (Userfaultfd userfaultfd = Userfaultfd.open(Set.of(), optional, way)) {
                    optional.retainAll(available);
                    assertThat(userfaultfd.features()).isEqualTo(optional);
                }
            }
            case Userfaultfd.Support.Refused(Errno errno) ->
                assertThatThrownBy(() -> Userfaultfd.open(Set.of(), Set.of(), way))
                        .hasMessageContaining(way.name())
                        .isInstanceOfSatisfying(
                                LinuxException.class, e -> assertThat(e.errno()).isEqualTo(errno));
        }
    }

    @Test
    void bytes_done_and_errors_are_signed_and_never_stale() throws Exception {
        try (Userfaultfd userfaultfd = FaultServer.open()) {
            assertThat(userfaultfd.copy(address(0), source.address(), PAGE, false, true))
                    .isEqualTo(-Errno.ENOENT.code());
            userfaultfd.register(memory.address(), LENGTH, Mode.MISSING);
            assertThat(userfaultfd.copy(address(2), source.address(), PAGE, false, true))
                    .isEqualTo(PAGE);
            assertThat(userfaultfd.copy(address(0), source.address(), 4L * PAGE, false, true))
                    .as("two pages, and then one that is there")
                    .isEqualTo(2L * PAGE);
            assertThat(userfaultfd.copy(address(2), source.address(), PAGE, false, true))
                    .isEqualTo(-Errno.EEXIST.code());
            assertThat(userfaultfd.copy(address(3) + 1, source.address(), PAGE, false, true))
                    .isEqualTo(-Errno.EINVAL.code());
            assertThat(userfaultfd.copy(address(3), 1, PAGE, false, true)).isEqualTo(-Errno.EFAULT.code());
            assertThat(userfaultfd.zeroPage(address(3), 2L * PAGE, true)).isEqualTo(2L * PAGE);
            assertThat(userfaultfd.zeroPage(address(4), PAGE, true)).isEqualTo(-Errno.EEXIST.code());
            assertThat(memory.memory().get(JAVA_LONG, PAGE)).isEqualTo(1001);
            userfaultfd.descriptor().close();
            assertThat(userfaultfd.zeroPage(address(9), PAGE, true)).isEqualTo(-Errno.EBADF.code());
            assertThatThrownBy(() -> userfaultfd.read(new FaultEvents(1))).isInstanceOf(LinuxException.class);
        }
    }

    @Test
    void pages_are_moved_and_the_source_is_missing_afterwards() throws Exception {
        try (Userfaultfd userfaultfd = FaultServer.open(UserfaultfdFeature.MOVE)) {
            assertThat(userfaultfd.register(memory.address(), LENGTH, Mode.MISSING))
                    .contains(Request.MOVE);
            assertThat(userfaultfd.move(address(8), source.address() + PAGE, 3L * PAGE, false, true))
                    .isEqualTo(3L * PAGE);
            assertThat(memory.memory().get(JAVA_LONG, 10L * PAGE)).isEqualTo(1003);
            assertThat(source.memory().get(JAVA_LONG, 3L * PAGE)).isZero();
            assertThat(userfaultfd.move(address(10), source.address() + 4L * PAGE, PAGE, false, true))
                    .isEqualTo(-Errno.EEXIST.code());
        }
    }

    @Test
    void a_minor_fault_is_answered_with_the_files_own_page() throws Exception {
        try (Userfaultfd userfaultfd = FaultServer.open(UserfaultfdFeature.MINOR_SHMEM);
                Memfd memfd = Memfd.create("guest", LENGTH, HugePageSize.NONE);
                Mapping filled = Mapping.of(memfd, 0, LENGTH, Sharing.SHARED, Protection.READ_WRITE);
                Mapping guest = Mapping.of(memfd, 0, LENGTH, Sharing.SHARED, Protection.READ_WRITE)) {
            assertThat(userfaultfd.register(guest.address(), LENGTH, Mode.MINOR))
                    .contains(Request.CONTINUE);
            filled.memory().set(JAVA_LONG, 5L * PAGE, 77);
            try (FaultServer server = new FaultServer(userfaultfd, event -> {
                Event.PageFault fault = (Event.PageFault) event;
                assertThat(fault.minor()).isTrue();
                assertThat(userfaultfd.continueRange(fault.address() & -PAGE, PAGE, false, true))
                        .isEqualTo(PAGE);
            })) {
                assertThat(NativeMemory.load(guest.address() + 5L * PAGE)).isEqualTo(77);
                assertThat(server.seen).hasSize(1);
            }
            assertThat(userfaultfd.continueRange(guest.address() + 6L * PAGE, PAGE, false, true))
                    .isEqualTo(-Errno.EFAULT.code());
        }
    }

    @Test
    void a_poisoned_page_is_an_error_to_whoever_reads_it() throws Exception {
        try (Userfaultfd userfaultfd = FaultServer.open(UserfaultfdFeature.POISON);
                Mapping target = Mapping.anonymous(PAGE)) {
            userfaultfd.register(memory.address(), LENGTH, Mode.MISSING);
            assertThat(userfaultfd.poison(address(1), PAGE, true)).isEqualTo(PAGE);
            assertThat(ProcessMemory.read(target.address(), address(1), 8)).isEqualTo(-Errno.EFAULT.code());
        }
    }

    @Test
    void a_write_to_a_protected_page_waits_until_the_protection_is_lifted() throws Exception {
        try (Userfaultfd userfaultfd = FaultServer.open(UserfaultfdFeature.PAGEFAULT_FLAG_WP)) {
            memory.memory().fill((byte) 1);
            userfaultfd.register(memory.address(), LENGTH, Mode.WRITE_PROTECT);
            assertThat(userfaultfd.writeProtect(memory.address(), LENGTH, true, true))
                    .isZero();
            try (FaultServer server = new FaultServer(userfaultfd, event -> {
                Event.PageFault fault = (Event.PageFault) event;
                long page = fault.address() & -PAGE;
                NativeMemory.copy(source.address() + page - memory.address(), page, PAGE); // as a snapshot does
                assertThat(userfaultfd.writeProtect(page, PAGE, false, true)).isZero();
            })) {
                NativeMemory.fill(address(7), 2, 2L * PAGE);
                assertThat(memory.memory().get(JAVA_BYTE, 9L * PAGE - 1)).isEqualTo((byte) 2);
                assertThat(source.memory().get(JAVA_BYTE, 7L * PAGE)).isEqualTo((byte) 1);
                assertThat(source.memory().get(JAVA_BYTE, 9L * PAGE - 1)).isEqualTo((byte) 1);
                assertThat(server.seen)
                        .containsExactly(
                                new Event.PageFault(address(7), true, true, false, 0),
                                new Event.PageFault(address(8), true, true, false, 0));
            }
            userfaultfd.unregister(memory.address(), LENGTH);
            memory.memory().fill((byte) 3);
        }
    }

    @Test
    void discarded_and_unmapped_memory_is_reported() throws Exception {
        try (Userfaultfd userfaultfd =
                        FaultServer.open(UserfaultfdFeature.EVENT_REMOVE, UserfaultfdFeature.EVENT_UNMAP);
                FaultServer server = new FaultServer(userfaultfd, event -> {})) {
            Mapping guest = Mapping.anonymous(8L * PAGE);
            userfaultfd.register(guest.address(), guest.lengthBytes(), Mode.MISSING);
            guest.advise(Advice.DONTNEED, PAGE, 2L * PAGE);
            assertThat(server.seen.take())
                    .isEqualTo(new Event.Remove(guest.address() + PAGE, guest.address() + 3L * PAGE));
            guest.close();
            assertThat(server.seen.take())
                    .isEqualTo(new Event.Unmap(guest.address(), guest.address() + guest.lengthBytes()));
        }
    }

    @Test
    void whoever_waits_for_a_page_is_woken_when_nobody_will_serve_it() throws Exception {
        Userfaultfd userfaultfd = FaultServer.open();
        userfaultfd.register(memory.address(), LENGTH, Mode.MISSING);
        FutureTask<Long> load = start(() -> NativeMemory.load(address(1)));
        assertThat(Poll.readable(userfaultfd.descriptor(), Poll.FOREVER)).isTrue();
        userfaultfd.close();
        assertThat(load.get()).isZero();
    }

    @Test
    void a_page_placed_without_waking_is_seen_after_the_wake() throws Exception {
        try (Userfaultfd userfaultfd = FaultServer.open();
                FaultEvents events = new FaultEvents(4)) {
            assertThat(userfaultfd.read(events)).isZero();
            userfaultfd.register(memory.address(), LENGTH, Mode.MISSING);
            FutureTask<Long> load = start(() -> NativeMemory.load(address(1)));
            assertThat(Poll.readable(userfaultfd.descriptor(), Poll.FOREVER)).isTrue();
            assertThat(userfaultfd.read(events)).isEqualTo(1);
            assertThat(events.isPageFault(0)).isTrue();
            assertThat(events.address(0) & -PAGE).isEqualTo(address(1));
            assertThat(events.isWrite(0) || events.isWriteProtect(0) || events.isMinor(0))
                    .isFalse();
            assertThat(userfaultfd.copy(address(1), source.address(), PAGE, false, false))
                    .isEqualTo(PAGE);
            assertThat(load.isDone()).isFalse();
            assertThat(userfaultfd.wake(address(1), PAGE)).isZero();
            assertThat(load.get()).isEqualTo(1000);
        }
    }

    @Test
    void memory_that_another_watches_is_busy() throws Exception {
        try (Userfaultfd first = FaultServer.open();
                Userfaultfd second = FaultServer.open()) {
            first.register(memory.address(), LENGTH, Mode.MISSING);
            assertThatThrownBy(() -> second.register(memory.address(), LENGTH, Mode.MISSING))
                    .hasMessageContaining(Long.toHexString(memory.address()))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY));
        }
    }

    @Test
    void the_faults_of_another_process_are_served_with_this_ones_memory(@TempDir Path folder) throws Exception {
        FaultServer.open().close();
        Path path = folder.resolve("socket");
        try (UnixListener listener = UnixListener.listen(path, UnixSocket.Type.STREAM, 1);
                Arena arena = Arena.ofConfined()) {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("java.class.path"),
                            FaultingProcess.class.getName(),
                            path.toString())
                    .inheritIO()
                    .start();
            Thread.ofVirtual()
                    .start(
                            () -> { // so that accept ends if it never connects
                                process.onExit().join();
                                closeQuietly(listener);
                            });
            try (UnixSocket socket = listener.accept()) {
                MemorySegment number = arena.allocate(JAVA_LONG);
                Descriptor sent = socket.receive(number, 1).descriptors().getFirst();
                long start = number.get(JAVA_LONG, 0);
                try (Userfaultfd userfaultfd = Userfaultfd.adopt(sent, Set.of());
                        FaultServer server = new FaultServer(userfaultfd, event -> {
                            long page = ((Event.PageFault) event).address() & -PAGE;
                            assertThat(userfaultfd.copy(page, source.address() + page - start, PAGE, false, true))
                                    .isEqualTo(PAGE);
                        })) {
                    assertThat(socket.receive(number, 0).lengthBytes()).isEqualTo(8);
                    assertThat(number.get(JAVA_LONG, 0))
                            .isEqualTo(IntStream.range(1000, 1000 + FaultingProcess.PAGES)
                                    .sum());
                    assertThat(server.seen).hasSize(FaultingProcess.PAGES);
                }
            }
            assertThat(process.waitFor()).isZero();
        }
    }

    private static void closeQuietly(UnixListener listener) {
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void huge_pages_are_served_whole() throws Exception {
        long huge = HugePageSize.MIB_2.pageBytes();
        try (HugePool pool = HugePool.with(2);
                Userfaultfd userfaultfd = FaultServer.open(UserfaultfdFeature.MISSING_HUGETLBFS);
                Mapping guest = Mapping.anonymous(2 * huge, HugePageSize.MIB_2);
                Mapping content = Mapping.anonymous(huge)) {
            content.memory().fill((byte) 8);
            assertThat(userfaultfd.register(guest.address(), guest.lengthBytes(), Mode.MISSING))
                    .contains(Request.COPY)
                    .doesNotContain(Request.ZEROPAGE);
            try (FaultServer server = new FaultServer(
                    userfaultfd,
                    event -> userfaultfd.copy(
                            ((Event.PageFault) event).address() & -huge, content.address(), huge, false, true))) {
                assertThat(NativeMemory.load(guest.address() + huge + 4096)).isEqualTo(0x0808080808080808L);
                assertThat(server.seen).hasSize(1);
            }
            assertThat(pool).isNotNull();
        }
    }

    private long address(int page) {
        return memory.address() + (long) page * PAGE;
    }

    private static <T> FutureTask<T> start(Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        Thread.ofPlatform().daemon().start(task);
        return task;
    }
}
