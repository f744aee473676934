package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.RamSource;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Pages that several read of one source. */
class SharedPagesTest {

    private static final int PAGES = 40;
    private static final long DAMAGED = 20;

    /** Each page holds its block and number; one page cannot be read. */
    private static final class Source implements RamSource {
        private final RamLayout layout =
                new RamLayout(List.of(new RamBlock("a", PAGES * 4096L), new RamBlock("b", PAGES * 4096L)));
        private final AtomicInteger reads = new AtomicInteger();

        @Override
        public RamLayout layout() {
            return layout;
        }

        @Override
        public PageBitmap present(int blockIndex) {
            PageBitmap all = new PageBitmap(PAGES);
            all.setAll();
            return all;
        }

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
            reads.incrementAndGet();
            for (long at = 0; at < target.byteSize(); at += 4096) {
                long page = (offsetBytes + at) / 4096;
                if (blockIndex == 1 && page == DAMAGED) {
                    throw new IOException("page " + page + " is damaged");
                }
                target.asSlice(at, 4096).fill((byte) (blockIndex * 100L + page));
            }
        }
    }

    private final Source source = new Source();
    private final SharedPages shared = new SharedPages(source);

    private void assertRight(int block, long page, int pages) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(pages * 4096L, 4096);
            shared.read(block, page * 4096, target);
            for (int i = 0; i < pages; i++) {
                assertThat(target.get(ValueLayout.JAVA_BYTE, i * 4096L)).isEqualTo((byte) (block * 100L + page + i));
                assertThat(target.get(ValueLayout.JAVA_BYTE, i * 4096L + 4095))
                        .isEqualTo((byte) (block * 100L + page + i));
            }
        }
    }

    @Test
    void what_one_has_read_the_next_takes_from_memory() throws Exception {
        assertRight(0, 3, 1);
        assertRight(0, 4, 1);
        assertRight(0, 0, 16);
        assertThat(source.reads).hasValue(1);
        assertThat(shared.readBytes()).isEqualTo(64 << 10);
        assertThat(shared.sharedBytes()).isEqualTo(17 * 4096);
        assertRight(1, 3, 1);
        assertRight(0, 10, 30);
        assertRight(0, 39, 1);
    }

    @Test
    void a_page_that_cannot_be_read_is_refused_and_its_neighbours_are_not() throws Exception {
        assertRight(1, DAMAGED - 1, 1);
        assertRight(1, DAMAGED + 1, 5);
        assertThatThrownBy(() -> assertRight(1, DAMAGED, 1)).hasMessageContaining("page 20 is damaged");
        assertThatThrownBy(() -> assertRight(1, DAMAGED - 1, 3)).hasMessageContaining("page 20 is damaged");
        assertRight(1, DAMAGED - 4, 4);
    }

    @Test
    void many_readers_at_once_get_what_they_ask_for() throws Exception {
        List<CompletableFuture<Void>> readers = new ArrayList<>();
        for (int reader = 0; reader < 4; reader++) {
            int first = reader;
            readers.add(CompletableFuture.runAsync(() -> {
                try {
                    for (int i = 0; i < 2000; i++) {
                        assertRight(0, (first * 7 + i) % PAGES, 1);
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }));
        }
        for (CompletableFuture<Void> reader : readers) {
            reader.get();
        }
        assertThat(source.reads).hasValueLessThanOrEqualTo(3);
    }
}
