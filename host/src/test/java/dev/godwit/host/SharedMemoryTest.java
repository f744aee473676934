package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.postcopy.DemandPaging;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PostcopyNotifier.Moment;
import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Another process uses the guest's memory while it arrives. */
@Timeout(180)
class SharedMemoryTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("rom", 3 * 4096), new RamBlock("ram", 1 << 20)));
    private static final long PAGES = LAYOUT.totalBytes() / 4096;

    @TempDir
    private Path folder;

    private final BlockingQueue<PagePlace> asked = new LinkedBlockingQueue<>();

    @BeforeEach
    void needs_postcopy_of_shared_memory() {
        List<String> refusals = PostcopySupport.of(RamBacking.MEMFD, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy on shared memory here: " + refusals);
    }

    private DemandPaging paging(RamAllocation ram) throws IOException {
        return new DemandPaging(new UserfaultfdRam(ram, false), List::of);
    }

    private void listen(DemandPaging paging) throws IOException {
        paging.advise(4096, 4096);
        for (int block = 0; block < LAYOUT.blocks().size(); block++) {
            paging.discard(block, 0, LAYOUT.block(block).lengthBytes());
        }
        paging.listen();
        paging.connected((block, offset, length) -> asked.add(new PagePlace(block, offset / length)));
    }

    private static void place(DemandPaging paging, PagePlace place) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment page = arena.allocate(4096, 4096);
            page.set(ValueLayout.JAVA_LONG, 0, SharingProcess.content(place.blockIndex(), place.page()));
            paging.arrived(place.blockIndex(), place.page() * 4096, page.address());
        }
    }

    private Process start(Path socket) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SharingProcess.class.getName(),
                        socket.toString())
                .inheritIO()
                .start();
    }

    @Test
    void another_process_has_its_faults_served_and_leaves_when_all_pages_are_here() throws Exception {
        Path socket = folder.resolve("share");
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.of(RamBacking.MEMFD))) {
            DemandPaging paging = paging(ram);
            try (SharedMemoryServer _ = SharedMemoryServer.listen(ram, paging, socket)) {
                listen(paging);
                Process process = start(socket);
                List<PagePlace> answered = new ArrayList<>();
                while (answered.size() < PAGES) {
                    PagePlace place = asked.poll(60, TimeUnit.SECONDS);
                    assertThat(place).as("after %d pages", answered.size()).isNotNull();
                    place(paging, place);
                    answered.add(place);
                }
                assertThat(answered).doesNotHaveDuplicates();
                assertThat(NativeMemory.load(ram.memory().hostAddress(1, 4096)))
                        .isEqualTo(SharingProcess.content(1, 1));
                paging.run();
                paging.end();
                assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).isZero();
            }
        }
    }

    @Test
    void a_page_that_this_process_asked_for_wakes_the_other_one_and_its_death_harms_nobody() throws Exception {
        Path socket = folder.resolve("share");
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.of(RamBacking.MEMFD))) {
            DemandPaging paging = paging(ram);
            try (SharedMemoryServer _ = SharedMemoryServer.listen(ram, paging, socket)) {
                listen(paging);
                PagePlace last = new PagePlace(0, 2);
                Thread own = Thread.ofPlatform()
                        .start(() -> NativeMemory.load(ram.memory().hostAddress(0, 2 * 4096)));
                assertThat(asked.poll(60, TimeUnit.SECONDS)).isEqualTo(last);
                Process process = start(socket);
                // the other process begins with the page that is asked for already, and goes on once it is here
                place(paging, last);
                own.join();
                assertThat(asked.poll(60, TimeUnit.SECONDS)).isEqualTo(new PagePlace(0, 1));
                process.destroyForcibly().waitFor();
                for (int block = 0; block < LAYOUT.blocks().size(); block++) {
                    for (long page = 0; page < LAYOUT.block(block).pages(); page++) {
                        place(paging, new PagePlace(block, page));
                    }
                }
                paging.run();
                paging.end();
            }
        }
    }

    @Test
    void who_is_told_may_veto() throws Exception {
        for (Moment veto : List.of(Moment.PROBE, Moment.INBOUND_ADVISE, Moment.INBOUND_LISTEN)) {
            try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.of(RamBacking.MEMFD))) {
                DemandPaging paging = paging(ram);
                List<Moment> heard = new ArrayList<>();
                paging.notifyOf(moment -> {
                    heard.add(moment);
                    if (moment == veto) {
                        throw new IOException("not now");
                    }
                });

                assertThatThrownBy(() -> listen(paging))
                        .isInstanceOf(IOException.class)
                        .hasMessage("not now");
                assertThat(heard.getLast()).isEqualTo(veto);
                assertThat(NativeMemory.load(ram.memory().hostAddress(1, 0)))
                        .as("nobody waits")
                        .isZero();
            }
        }
    }

    @Test
    void memory_of_this_process_alone_is_not_shared() throws Exception {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT)) {
            DemandPaging paging = paging(ram);

            assertThatThrownBy(() -> SharedMemoryServer.listen(ram, paging, folder.resolve("share")))
                    .hasMessageContaining("memfd");
        }
    }
}
