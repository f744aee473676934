package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IoVectorsTest {

    private static final int PAGE = Host.pageSize();
    private static final int PAGES = 256;

    private Mapping source;
    private Mapping target;

    @BeforeEach
    void map() throws Exception {
        source = Mapping.anonymous((long) PAGES * PAGE);
        target = Mapping.anonymous((long) PAGES * PAGE);
        byte[] content = new byte[PAGES * PAGE];
        new Random(5).nextBytes(content);
        java.lang.foreign.MemorySegment.copy(
                java.lang.foreign.MemorySegment.ofArray(content), 0, source.memory(), 0, content.length);
    }

    @AfterEach
    void unmap() {
        source.close();
        target.close();
    }

    @Test
    void pages_of_everywhere_go_through_a_socket_whose_every_call_is_partial() throws Exception {
        IoVectors out = everyOther(source);
        IoVectors in = everyOther(target);
        long bytes = out.remainingBytes();
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM)) {
            FutureTask<Long> reading =
                    new FutureTask<>(() -> in.readAll(pair.second().descriptor()));
            Thread.ofPlatform().start(reading);
            out.writeAll(pair.first().descriptor());
            pair.first().shutdownOutput();
            assertThat(reading.get()).isEqualTo(bytes);
        }
        assertThat(out.count()).isZero();
        assertEveryOtherIsEqual();
    }

    @Test
    void a_partial_read_leaves_what_is_missing() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM)) {
            pair.first().send(source.memory().asSlice(0, PAGE + 10));
            IoVectors in = new IoVectors(4);
            in.add(target.address(), PAGE);
            in.add(target.address() + 2L * PAGE, PAGE);
            assertThat(in.read(pair.second().descriptor())).isEqualTo(PAGE + 10);
            assertThat(in.count()).isEqualTo(1);
            assertThat(in.remainingBytes()).isEqualTo(PAGE - 10);
            pair.first().send(source.memory().asSlice(PAGE + 10, 5));
            assertThat(in.read(pair.second().descriptor())).isEqualTo(5);
            pair.first().close();
            assertThat(in.readAll(pair.second().descriptor())).isZero();
            assertThat(in.remainingBytes()).isEqualTo(PAGE - 15);
            assertThat(NativeMemory.compare(source.address(), target.address(), PAGE))
                    .isZero();
            assertThat(NativeMemory.compare(source.address() + PAGE, target.address() + 2L * PAGE, 15))
                    .isZero();
        }
    }

    @Test
    void pages_are_written_to_a_file_by_position_and_read_back(@TempDir Path folder) throws Exception {
        try (OpenFile file = OpenFile.open(folder.resolve("a"), OpenFlag.CREATE_NEW)) {
            roundTrip(file, 12345);
            IoVectors past = new IoVectors(2);
            past.add(target.address(), PAGE);
            long end = file.status().lengthBytes();
            assertThat(past.readAll(file.descriptor(), end - 3)).isEqualTo(3);
            assertThat(past.read(file.descriptor(), end)).isZero();
        }
    }

    @Test
    void pages_go_past_the_page_cache(@TempDir Path folder) throws Exception {
        try (OpenFile file = openDirect(folder.resolve("a"))) {
            roundTrip(file, 4L * PAGE);
            IoVectors askew = new IoVectors(1);
            askew.add(source.address() + 1, PAGE);
            assertThat(askew.write(file.descriptor(), 0)).isEqualTo(-Errno.EINVAL.code());
            assertThat(askew.remainingBytes()).isEqualTo(PAGE);
        }
    }

    private static OpenFile openDirect(Path path) throws LinuxException {
        try {
            return OpenFile.open(path, OpenFlag.CREATE_NEW, OpenFlag.DIRECT);
        } catch (LinuxException e) {
            assumeThat(e.errno()).as("this file system takes no direct I/O").isNotEqualTo(Errno.EINVAL);
            throw e;
        }
    }

    private void roundTrip(OpenFile file, long positionBytes) throws LinuxException {
        IoVectors out = everyOther(source);
        long bytes = out.remainingBytes();
        out.writeAll(file.descriptor(), positionBytes);
        assertThat(file.status().lengthBytes()).isEqualTo(positionBytes + bytes);
        assertThat(everyOther(target).readAll(file.descriptor(), positionBytes)).isEqualTo(bytes);
        assertEveryOtherIsEqual();
    }

    @Test
    void pieces_beside_each_other_are_one_and_too_many_are_refused() {
        IoVectors vectors = new IoVectors(2);
        vectors.add(source.address(), PAGE);
        vectors.add(source.address() + PAGE, PAGE);
        assertThat(vectors.count()).isEqualTo(1);
        vectors.add(source.address(), PAGE);
        assertThat(vectors.isFull()).isTrue();
        vectors.add(source.address() + PAGE, 1);
        assertThatThrownBy(() -> vectors.add(source.address(), PAGE)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> vectors.add(source.address(), 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new IoVectors(IoVectors.CAPACITY_MAX + 1))
                .isInstanceOf(IllegalArgumentException.class);
        vectors.clear();
        assertThat(vectors.remainingBytes()).isZero();
    }

    @Test
    void memory_that_is_not_there_and_a_closed_descriptor_are_errors() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM)) {
            IoVectors vectors = new IoVectors(2);
            vectors.add(PAGE, PAGE);
            assertThat(vectors.write(pair.first().descriptor())).isEqualTo(-Errno.EFAULT.code());
            pair.first().close();
            assertThat(vectors.write(pair.first().descriptor())).isEqualTo(-Errno.EBADF.code());
            assertThatThrownBy(() -> vectors.writeAll(pair.first().descriptor()))
                    .isInstanceOf(LinuxException.class);
            assertThat(vectors.remainingBytes()).isEqualTo(PAGE);
        }
    }

    private static IoVectors everyOther(Mapping mapping) {
        IoVectors vectors = new IoVectors(PAGES);
        for (int page = 0; page < PAGES; page += 2) {
            vectors.add(mapping.address() + (long) page * PAGE, PAGE);
        }
        return vectors;
    }

    private void assertEveryOtherIsEqual() {
        for (int page = 0; page < PAGES; page += 2) {
            long offset = (long) page * PAGE;
            assertThat(NativeMemory.compare(source.address() + offset, target.address() + offset, PAGE))
                    .isZero();
            assertThat(NativeMemory.load(target.address() + offset + PAGE)).isZero();
        }
    }
}
