package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.Progress;
import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SnapshotWriterTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 1500 * 4096), new RamBlock("rom", 2 * 4096)));

    @TempDir
    Path folder;

    private Path target;

    @BeforeEach
    void name_the_target() {
        target = folder.resolve("snap");
    }

    @ParameterizedTest(name = "seed {0}, direct I/O {1}")
    @CsvSource({"1,false", "2,false", "3,true", "4,true"})
    void the_last_copy_of_a_page_wins_and_pages_that_became_zero_are_holes(long seed, boolean directIo)
            throws Exception {
        MemoryRam expected = new MemoryRam(LAYOUT.block(0), LAYOUT.block(1));
        SplittableRandom random = new SplittableRandom(seed);
        try (SnapshotWriter writer = SnapshotWriter.create(target, new SnapshotOptions(directIo));
                Arena arena = Arena.ofConfined()) {
            writer.begin(LAYOUT);
            PageLane lane = writer.lane();
            MemorySegment run = arena.allocate(300 * 4096, 4096);
            for (int round = 0; round < 300; round++) {
                step(random, lane, run, expected);
            }
            writer.commit(MemoryRam.state((byte) 1, (byte) 2), Captures.FACTS);
        }
        try (Snapshot snapshot = Snapshot.open(target)) {
            assertThat(content(snapshot)).isEqualTo(expected.block(0));
            for (long page = 0; page < 1500; page++) {
                assertThat(snapshot.present(0).get(page))
                        .isEqualTo(expected.present(0).get(page));
            }
            assertThat(snapshot.vmState().sections()).hasSize(2);
            assertThat(snapshot.vmState().vmdescription()).isEmpty();
        }
        assertThat(Verification.of(target, Progress.NONE).damages()).isEmpty();
    }

    private static void step(SplittableRandom random, PageLane lane, MemorySegment run, MemoryRam expected)
            throws IOException {
        int pages = random.nextInt(4) == 0 ? random.nextInt(1, 300) : random.nextInt(1, 4);
        int first = random.nextInt(1500 - pages);
        long offset = (long) first * Page.SIZE_BYTES;
        MemorySegment content = run.asSlice(0, (long) pages * Page.SIZE_BYTES);
        MemorySegment whole = MemorySegment.ofArray(expected.block(0));
        if (random.nextInt(3) == 0) {
            lane.zeroPages(0, offset, content.byteSize());
            content.fill((byte) 0);
        } else {
            for (int page = 0; page < pages; page++) {
                content.asSlice((long) page * 4096, 4096).fill((byte) random.nextInt(3));
            }
            lane.pages(0, offset, content);
        }
        MemorySegment.copy(content, 0, whole, offset, content.byteSize());
        long readAt = (long) random.nextInt(1500) * Page.SIZE_BYTES;
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        lane.read(0, readAt, page);
        assertThat(page.mismatch(whole.asSlice(readAt, Page.SIZE_BYTES))).isEqualTo(-1);
    }

    @Test
    void several_lanes_write_at_once() throws Exception {
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            writer.begin(LAYOUT);
            List<Thread> threads = new ArrayList<>();
            List<Throwable> failures = java.util.Collections.synchronizedList(new ArrayList<>());
            for (int i = 0; i < 4; i++) {
                int number = i;
                PageLane lane = writer.lane();
                threads.add(Thread.ofPlatform().start(() -> {
                    try {
                        MemorySegment page = MemorySegment.ofArray(new byte[4096]);
                        for (long at = number; at < 1500; at += 4) {
                            page.fill((byte) (at % 255 + 1));
                            lane.pages(0, at * 4096, page);
                        }
                        lane.flush();
                    } catch (IOException e) {
                        failures.add(e);
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).isEmpty();
            writer.commit(MemoryRam.state((byte) 1), Captures.FACTS);
        }
        VerificationReport report = Verification.of(target, Progress.NONE);
        assertThat(report.isWhole()).isTrue();
        assertThat(report.checkedPages()).isEqualTo(1500);
    }

    @Test
    void without_a_commit_nothing_is_left_and_what_was_there_stays() throws Exception {
        Files.writeString(target, "earlier");
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            writer.begin(LAYOUT);
            assertThat(folder.toFile().list()).hasSize(2);
        }
        assertThat(folder.toFile().list()).containsExactly("snap");
        assertThat(target).hasContent("earlier");
    }

    @Test
    void a_commit_replaces_what_was_there_by_a_file_of_this_user_alone() throws Exception {
        Files.writeString(target, "earlier");
        writeEmpty();
        assertThat(folder.toFile().list()).containsExactly("snap");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(target)))
                .isEqualTo("rw-------");
        assertThat(Verification.of(target, Progress.NONE).isWhole()).isTrue();
    }

    @Test
    void two_writers_of_one_name_are_refused_and_a_dead_ones_file_is_removed() throws Exception {
        try (SnapshotWriter _ = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            assertThatThrownBy(() -> SnapshotWriter.create(target, SnapshotOptions.DEFAULT))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("another Godwit is writing " + target);
        }
        Files.writeString(folder.resolve(".snap.godwit-part"), "left by a dead writer");
        writeEmpty();
        assertThat(folder.toFile().list()).containsExactly("snap");
    }

    @Test
    void a_link_is_followed_and_a_folder_refused() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("snap"));
        assertThatThrownBy(() -> SnapshotWriter.create(link, SnapshotOptions.DEFAULT))
                .hasMessageContaining("leads nowhere");
        Files.writeString(target, "earlier");
        try (SnapshotWriter writer = SnapshotWriter.create(link, SnapshotOptions.DEFAULT)) {
            assertThat(writer.target()).isEqualTo(target.toRealPath());
        }
        assertThatThrownBy(() -> SnapshotWriter.create(folder, SnapshotOptions.DEFAULT))
                .hasMessageContaining("not a file that could be replaced");
    }

    @Test
    void a_missing_folder_is_told_at_once() {
        assertThatThrownBy(() -> SnapshotWriter.create(folder.resolve("none/snap"), SnapshotOptions.DEFAULT))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("No such file or directory");
    }

    @Test
    void a_closed_writer_fails_and_leaves_nothing() throws Exception {
        SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT);
        writer.begin(LAYOUT);
        PageLane lane = writer.lane();
        writer.close();
        MemorySegment page = MemorySegment.ofArray(new byte[4096]);
        page.fill((byte) 1);
        lane.pages(0, 0, page);
        assertThatThrownBy(lane::flush).isInstanceOf(IOException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> writer.commit(MemoryRam.state((byte) 1), Captures.FACTS))
                .isInstanceOf(IOException.class);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void what_was_replaced_takes_room_until_the_writer_is_closed_so_that_nobody_waits_for_it() throws Exception {
        String replaced = Files.writeString(target, "an earlier snapshot").toRealPath() + " (deleted)";
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            writer.begin(LAYOUT);
            writer.commit(MemoryRam.state((byte) 1), Captures.FACTS);
            assertThat(openFiles()).contains(replaced);
            assertThat(Verification.of(target, Progress.NONE).damages()).isEmpty();
        }
        assertThat(openFiles()).doesNotContain(replaced);
    }

    private static List<String> openFiles() throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> links = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path link : links) {
                try {
                    names.add(Files.readSymbolicLink(link).toString());
                } catch (NoSuchFileException _) {
                    // closed meanwhile
                }
            }
        }
        return names;
    }

    @Test
    void a_page_that_was_written_past_the_page_cache_can_be_read_at_once_and_changed() throws Exception {
        SplittableRandom random = new SplittableRandom(7);
        byte[] expected = new byte[1500 * 4096];
        random.nextBytes(expected);
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT);
                Arena arena = Arena.ofConfined()) {
            writer.begin(LAYOUT);
            PageLane lane = writer.lane();
            MemorySegment all = arena.allocate(expected.length, 4096).copyFrom(MemorySegment.ofArray(expected));
            lane.pages(0, 0, all);
            MemorySegment base = arena.allocate(4096, 4096);
            for (long page : new long[] {0, 700, 1499}) {
                lane.read(0, page * 4096, base);
                assertThat(base.mismatch(all.asSlice(page * 4096, 4096)))
                        .as("page %d", page)
                        .isEqualTo(-1);
                base.set(ValueLayout.JAVA_BYTE, 9, (byte) 99);
                expected[(int) page * 4096 + 9] = 99;
                lane.pages(0, page * 4096, base);
            }
            writer.commit(MemoryRam.state((byte) 1), Captures.FACTS);
        }
        try (Snapshot snapshot = Snapshot.open(target)) {
            assertThat(content(snapshot)).isEqualTo(expected);
        }
        assertThat(Verification.of(target, Progress.NONE).damages()).isEmpty();
    }

    /** The kernel's own refusal, of a file that takes numbers only. */
    @Test
    void where_a_direct_write_is_refused_as_unaligned_the_page_cache_is_used_from_then_on() throws Exception {
        MappedRamLayout plan = MappedRamLayout.plan(4096, 0, LAYOUT);
        byte[] letters = new byte[256 * 4096];
        Arrays.fill(letters, (byte) 'x');
        OpenFile refusing = OpenFile.open(Path.of("/proc/self/oom_score_adj"), OpenFlag.WRITE);
        try (OpenFile file = OpenFile.open(target, OpenFlag.CREATE_NEW);
                Arena arena = Arena.ofConfined()) {
            file.truncate(plan.endBytes());
            MemorySegment content = arena.allocate(letters.length, 4096).copyFrom(MemorySegment.ofArray(letters));
            assertThatThrownBy(() -> refusing.write(0, content))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
            PageFile descriptors = new PageFile(file, false, refusing);
            PageStore store = new PageStore(descriptors, plan);
            store.write(descriptors, 0, 0, content, 0);
            refusing.close(); // a second direct write would fail otherwise than by EINVAL
            store.write(descriptors, 0, content.byteSize(), content, 0);
            MemorySegment written = arena.allocate(2 * content.byteSize());
            assertThat(file.read(plan.blocks().getFirst().header().pagesOffsetBytes(), written))
                    .isEqualTo(written.byteSize());
            assertThat(written.asSlice(0, content.byteSize()).mismatch(content)).isEqualTo(-1);
            assertThat(written.asSlice(content.byteSize()).mismatch(content)).isEqualTo(-1);
        }
    }

    @Test
    void a_file_system_without_direct_io_and_without_holes_holds_a_snapshot_too() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
        Path disk = Files.createDirectory(folder.resolve("disk"));
        assumeTrue(
                run("mount", "-t", "ramfs", "ramfs", disk.toString()) == 0,
                "skipped, for want of the right to mount a ramfs");
        try {
            target = disk.resolve("snap");
            the_last_copy_of_a_page_wins_and_pages_that_became_zero_are_holes(5, true);
        } finally {
            assertThat(run("umount", disk.toString())).isZero();
        }
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    @Test
    void a_guest_larger_than_this_heap_has_tables_for_is_refused_with_the_heap_it_needs() throws Exception {
        long maxBytes = Runtime.getRuntime().maxMemory();
        RamLayout large = new RamLayout(List.of(new RamBlock("ram", Math.min(1L << 45, maxBytes / 8 * 4096))));
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            assertThatThrownBy(() -> writer.begin(large))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("GODWIT_OPTS=-Xmx");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void a_guest_larger_than_the_file_system_takes_is_refused() throws Exception {
        RamLayout huge = new RamLayout(List.of(new RamBlock("ram", 1L << 46)));
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            assertThatThrownBy(() -> writer.begin(huge)).isInstanceOf(IOException.class);
        }
        assertThat(folder).isEmptyDirectory();
    }

    private void writeEmpty() throws IOException {
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            writer.begin(LAYOUT);
            writer.commit(MemoryRam.state((byte) 1), Captures.FACTS);
        }
    }

    private static byte[] content(Snapshot snapshot) throws IOException {
        byte[] content = new byte[1500 * 4096];
        snapshot.read(0, 0, MemorySegment.ofArray(content));
        return content;
    }
}
