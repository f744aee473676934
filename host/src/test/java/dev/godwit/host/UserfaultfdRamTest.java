package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.postcopy.DemandPagedSink;
import dev.godwit.engine.postcopy.DemandPaging;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.linux.HugePageSize;
import dev.godwit.linux.Mapping;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.PageCategory;
import dev.godwit.linux.PagemapScan;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory whose pages are missing until somebody places them, on every kind of memory that this host has. */
@Timeout(120)
class UserfaultfdRamTest {

    private static final long HUGE = 2 << 20;
    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("rom", 8192), new RamBlock("ram", 4 * HUGE)));

    private static RamAllocation allocate(RamBacking backing) throws IOException {
        List<String> refusals = PostcopySupport.of(backing, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy on " + backing + " here: " + refusals);
        try {
            return RamAllocation.allocate(LAYOUT, RamOptions.of(backing));
        } catch (IOException e) {
            assumeTrue(backing != RamBacking.HUGETLB_2M, "no huge pages are lent: " + e.getMessage());
            throw e;
        }
    }

    @ParameterizedTest
    @EnumSource(RamBacking.class)
    void pages_are_asked_for_once_and_placed_whole(RamBacking backing) throws Exception {
        try (RamAllocation ram = allocate(backing);
                Arena arena = Arena.ofConfined()) {
            long pageBytes = ram.memory().hostPageBytes().get(1);
            MemorySegment content = arena.allocate(pageBytes, 4096).fill((byte) 7);
            DemandPaging paging = new DemandPaging(new UserfaultfdRam(ram, false), List::of);
            BlockingQueue<PagePlace> asked = new LinkedBlockingQueue<>();
            NativeMemory.fill(ram.memory().hostAddress(1, 0), 1, 3 * pageBytes);
            paging.advise(4096 | pageBytes, 4096);
            paging.discard(1, 0, 4 * HUGE);
            paging.listen();
            paging.connected((block, offset, length) -> {
                assertThat(length).isEqualTo(pageBytes);
                asked.add(new PagePlace(block, offset / length));
            });
            long second = ram.memory().hostAddress(1, pageBytes);
            Thread[] waiting = new Thread[4];
            long[] seen = new long[waiting.length];
            for (int i = 0; i < waiting.length; i++) {
                int one = i;
                waiting[i] = Thread.ofPlatform().start(() -> seen[one] = NativeMemory.load(second + 8L * one));
            }
            assertThat(asked.poll(60, TimeUnit.SECONDS)).isEqualTo(new PagePlace(1, 1));

            paging.arrived(1, pageBytes, content.address());
            for (Thread thread : waiting) {
                thread.join();
            }
            assertThat(seen).containsOnly(0x0707070707070707L);
            paging.arrived(1, 2 * pageBytes, 0);
            assertThat(NativeMemory.load(second + pageBytes)).isZero();
            paging.arrived(1, pageBytes, 0); // a second time: passed over
            assertThat(NativeMemory.load(second)).isEqualTo(0x0707070707070707L);
            assertThat(asked).isEmpty();
            assertThat(paging.arrivals().receivedBytes(1)).isEqualTo(2 * pageBytes);
            paging.run();
            paging.end();
            assertThat(NativeMemory.load(ram.memory().hostAddress(1, 0)))
                    .as("forgotten, never sent, over")
                    .isZero();
        }
    }

    @Test
    void a_page_that_was_not_forgotten_cannot_be_placed() throws Exception {
        try (RamAllocation ram = allocate(RamBacking.ANONYMOUS);
                Arena arena = Arena.ofConfined()) {
            DemandPaging paging = new DemandPaging(new UserfaultfdRam(ram, false), List::of);
            paging.advise(4096, 4096);
            NativeMemory.fill(ram.memory().hostAddress(1, 0), 1, 4096);
            paging.discard(1, 4096, 4096);
            paging.listen();
            long content = arena.allocate(4096, 4096).address();

            assertThatThrownBy(() -> paging.arrived(1, 0, content)).hasMessageContaining("was not discarded");
            paging.abandon();
        }
    }

    /**
     * A destination of one block that listens for its pages, and content for some of them, each page with its number.
     */
    private static final class Listening implements AutoCloseable {

        private final Arena arena = Arena.ofConfined();
        final RamAllocation ram = allocate(RamBacking.ANONYMOUS);
        final DemandPaging paging = new DemandPaging(new UserfaultfdRam(ram, false), List::of);
        final PageLane lane;
        final MemorySegment content = arena.allocate(40 * 4096, 4096);

        Listening() throws IOException {
            for (int page = 0; page < 40; page++) {
                content.asSlice(page * 4096L, 4096).fill((byte) (page + 1));
            }
            DemandPagedSink sink = new DemandPagedSink(paging);
            sink.begin(LAYOUT);
            lane = sink.lane();
            paging.advise(4096, 4096);
            paging.discard(1, 0, 4 * HUGE);
            paging.listen();
        }

        void comes(int page) throws IOException {
            lane.pages(1, page * 4096L, content.asSlice(page * 4096L, 4096));
        }

        boolean isHere(int page) {
            return paging.arrivals().isHere(1, page);
        }

        void assertContent(int page) {
            assertThat(isHere(page)).as("page %d", page).isTrue();
            assertThat(NativeMemory.load(ram.memory().hostAddress(1, page * 4096L)))
                    .as("page %d", page)
                    .isEqualTo(0x0101010101010101L * (page + 1));
        }

        @Override
        public void close() {
            paging.abandon();
            ram.close();
            arena.close();
        }
    }

    @Test
    void pages_that_nobody_waits_for_are_placed_together_at_the_latest_before_a_pause() throws Exception {
        try (Listening to = new Listening()) {
            to.comes(3);
            to.comes(4);
            assertThat(to.isHere(3))
                    .as("held, to be placed with those behind it")
                    .isFalse();

            to.lane.pause();
            to.assertContent(3);
            to.assertContent(4);
            to.lane.pause(); // nothing is held now
            assertThat(to.paging.arrivals().receivedBytes(1)).isEqualTo(2 * 4096);
        }
    }

    @Test
    void pages_that_are_held_are_placed_where_another_does_not_go_on_with_them() throws Exception {
        try (Listening to = new Listening()) {
            to.comes(3);
            to.comes(9);
            to.assertContent(3);
            to.lane.zeroPages(1, 12 * 4096L, 4096);
            to.assertContent(9);
            for (int page = 16; page < 36; page++) {
                to.comes(page);
            }
            for (int page = 16; page < 32; page++) {
                to.assertContent(page);
            }
            to.lane.flush();
            to.assertContent(35);
        }
    }

    @Test
    void a_page_among_others_that_came_before_stays_as_it_is() throws Exception {
        try (Listening to = new Listening()) {
            to.comes(5);
            to.lane.pause();
            NativeMemory.fill(to.ram.memory().hostAddress(1, 5 * 4096L), 99, 4096); // the guest's

            for (int page = 3; page < 9; page++) {
                to.comes(page);
            }
            to.lane.pause();

            assertThat(NativeMemory.load(to.ram.memory().hostAddress(1, 5 * 4096L)))
                    .isEqualTo(0x0101010101010101L * 99);
            for (int page : new int[] {3, 4, 6, 7, 8}) {
                to.assertContent(page);
            }
        }
    }

    @Test
    void a_page_that_comes_on_another_connection_while_it_is_held_does_no_harm() throws Exception {
        try (Listening to = new Listening()) {
            to.comes(3);
            to.comes(4);
            to.comes(5);
            to.paging.arrived(1, 4 * 4096, to.content.address() + 4 * 4096);
            to.lane.pause();

            for (int page = 3; page < 6; page++) {
                to.assertContent(page);
            }
        }
    }

    @Test
    void nothing_is_held_while_somebody_waits_for_a_page() throws Exception {
        try (Listening to = new Listening()) {
            BlockingQueue<PagePlace> asked = new LinkedBlockingQueue<>();
            to.paging.connected((block, offset, length) -> asked.add(new PagePlace(block, offset / length)));
            to.comes(3);
            long[] seen = new long[1];
            long wanted = to.ram.memory().hostAddress(1, 7 * 4096L);
            Thread waiting = Thread.ofPlatform().start(() -> seen[0] = NativeMemory.load(wanted));
            assertThat(asked.poll(60, TimeUnit.SECONDS)).isEqualTo(new PagePlace(1, 7));

            to.comes(4);
            to.assertContent(3);
            to.assertContent(4);
            to.comes(7);
            waiting.join();
            assertThat(seen[0]).isEqualTo(0x0808080808080808L);
        }
    }

    @RepeatedTest(5)
    void memory_that_was_to_be_made_ready_ahead_is_missing_once_it_is_forgotten() throws Exception {
        Memories.assumePagemapScan();
        RamLayout layout = new RamLayout(List.of(new RamBlock("ram", 20 * HUGE)));
        try (RamAllocation ram = RamAllocation.allocate(layout, RamOptions.DEFAULT);
                Arena arena = Arena.ofConfined();
                PagemapScan scan = PagemapScan.open(64)) {
            DemandPaging paging = new DemandPaging(new UserfaultfdRam(ram, false), List::of);
            DemandPagedSink sink = new DemandPagedSink(paging);
            sink.begin(layout);
            paging.advise(4096, 4096);
            sink.lane().pages(0, 0, arena.allocate(8 * HUGE + 4096).fill((byte) 7));
            paging.discard(0, 8 * HUGE, 12 * HUGE);

            long forgotten = ram.memory().hostAddress(0, 8 * HUGE);
            for (int i = 0; i < 1000; i++) { // for as long as it would take to touch some of it
                long presentBytes = scan.scanAll(
                        forgotten,
                        forgotten + 12 * HUGE,
                        PagemapScan.Query.of(PageCategory.PRESENT),
                        (from, to, categories) -> {});
                assertThat(presentBytes).isZero();
            }
            paging.close();
        }
    }

    @Test
    void the_steps_have_one_order() throws Exception {
        try (RamAllocation ram = allocate(RamBacking.ANONYMOUS)) {
            DemandPaging paging = new DemandPaging(new UserfaultfdRam(ram, false), List::of);

            assertThatThrownBy(() -> paging.discard(1, 0, 4096)).hasMessageContaining("ADVISED");
            assertThatThrownBy(paging::listen).hasMessageContaining("DISCARDING");
            assertThatThrownBy(() -> paging.advise(0x201000, 4096)).hasMessageContaining("0x201000");
            assertThatThrownBy(() -> paging.advise(4096, 16384)).hasMessageContaining("16384");
            paging.advise(4096, 4096);
            assertThatThrownBy(() -> paging.advise(4096, 4096)).hasMessageContaining("NONE");
            assertThatThrownBy(paging::listen).hasMessageContaining("DISCARDING");
            assertThatThrownBy(() -> paging.discard(1, 4096, -4096)).hasMessageContaining("POSTCOPY_RAM_DISCARD");
            assertThatThrownBy(() -> paging.discard(1, 100, 4096)).hasMessageContaining("POSTCOPY_RAM_DISCARD");
            assertThatThrownBy(() -> paging.discard(1, 4 * HUGE, 4096)).hasMessageContaining("POSTCOPY_RAM_DISCARD");
            assertThatThrownBy(() -> paging.discard(0, 4096, Long.MAX_VALUE & -4096))
                    .hasMessageContaining("POSTCOPY_RAM_DISCARD");
            paging.discard(0, 4096, 4096);
            assertThatThrownBy(paging::run).hasMessageContaining("LISTENING");
            paging.listen();
            assertThatThrownBy(() -> paging.discard(0, 0, 4096)).hasMessageContaining("ADVISED");
            paging.run();
            paging.end();
            assertThatThrownBy(paging::end).hasMessageContaining("RUNNING");
        }
    }

    private static long userfaultfds() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .filter(descriptor -> {
                        try {
                            return Files.readSymbolicLink(descriptor).toString().contains("userfaultfd");
                        } catch (IOException _) {
                            return false; // it was that of the list
                        }
                    })
                    .count();
        }
    }

    @Test
    void what_was_prepared_and_not_needed_is_freed_and_what_is_needed_is_kept() throws Exception {
        long before = userfaultfds();
        try (RamAllocation ram = allocate(RamBacking.ANONYMOUS)) {
            DemandPaging unused = new DemandPaging(new UserfaultfdRam(ram, false), List::of);
            unused.prepare();
            unused.prepare();
            assertThat(userfaultfds()).isEqualTo(before + 1);
            unused.advise(4096, 4096);
            unused.close();
            assertThat(userfaultfds()).isEqualTo(before);

            DemandPaging used = new DemandPaging(new UserfaultfdRam(ram, false), List::of);
            used.prepare();
            used.advise(4096, 4096);
            used.discard(1, 0, 4096);
            used.listen();
            used.close();
            assertThat(userfaultfds()).as("somebody may wait").isEqualTo(before + 1);
            used.run();
            used.end();
            used.close();
            assertThat(userfaultfds()).isEqualTo(before);
        }
    }

    @Test
    void locked_memory_is_a_reason_to_refuse() throws Exception {
        assumeTrue(
                PostcopySupport.of(RamBacking.ANONYMOUS, false).refusals().isEmpty(), "no postcopy here for this user");
        try (Mapping locked = Mapping.anonymous(4096, HugePageSize.NONE)) {
            locked.lock(0, 4096);

            assertThat(PostcopySupport.of(RamBacking.ANONYMOUS, false).refusals())
                    .singleElement()
                    .asString()
                    .contains("locked");
            locked.unlock(0, 4096);
        }
    }
}
