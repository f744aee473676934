package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.linux.calls.FileCalls;
import dev.godwit.linux.calls.FileWriteCalls;
import dev.godwit.linux.calls.SystemCall;
import java.io.File;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.StructLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Holds every hand-written layout and constant against the C compiler's word. */
class LayoutsTest {

    private static Map<String, Long> header = Map.of();

    @BeforeAll
    static void ask_the_compiler(@TempDir Path dir) throws Exception {
        assumeThat(isOnPath("cc"))
                .as("layouts are not checked: this machine has no C compiler named cc")
                .isTrue();
        Path binary = dir.resolve("layouts");
        run("cc", "-o", binary.toString(), "src/test/c/layouts.c");
        header = new TreeMap<>();
        run(binary.toString()).lines().forEach(line -> {
            int space = line.lastIndexOf(' ');
            header.put(line.substring(0, space), Long.parseUnsignedLong(line.substring(space + 1)));
        });
    }

    @Test
    void layouts_are_what_the_headers_say() {
        for (StructLayout layout : List.of(
                UserfaultfdCalls.UFFDIO_API_LAYOUT,
                FileCalls.STATX_LAYOUT,
                Terminal.WINSIZE_LAYOUT,
                Host.UTSNAME_LAYOUT)) {
            assertThat(header).containsAllEntriesOf(describe(layout));
        }
    }

    @Test
    void constants_are_what_the_headers_say() {
        expect("UFFDIO_API", UserfaultfdCalls.UFFDIO_API);
        expect("UFFD_API", UserfaultfdCalls.UFFD_API);
        expect("SYS_userfaultfd", SystemCall.USERFAULTFD.number());
        expect("USERFAULTFD_IOC_NEW", UserfaultfdCalls.USERFAULTFD_IOC_NEW);
        expect("UFFD_USER_MODE_ONLY", UserfaultfdCalls.UFFD_USER_MODE_ONLY);
        expect("TIOCGWINSZ", Terminal.TIOCGWINSZ);
        expect("KVM_GET_API_VERSION", Kvm.KVM_GET_API_VERSION);
        expect("O_RDWR", FileCalls.O_RDWR);
        expect("O_CREAT", FileCalls.O_CREAT);
        expect("O_EXCL", FileCalls.O_EXCL);
        expect("O_DIRECT", FileCalls.O_DIRECT);
        expect("O_CLOEXEC", FileCalls.O_CLOEXEC);
        expect("SEEK_DATA", FileCalls.SEEK_DATA);
        expect("SEEK_HOLE", FileCalls.SEEK_HOLE);
        expect("AT_EMPTY_PATH", FileCalls.AT_EMPTY_PATH);
        expect("STATX_BASIC_STATS", FileCalls.STATX_BASIC_STATS);
        expect("FALLOC_FL_KEEP_SIZE", FileWriteCalls.FALLOC_FL_KEEP_SIZE);
        expect("FALLOC_FL_PUNCH_HOLE", FileWriteCalls.FALLOC_FL_PUNCH_HOLE);
        expect("POSIX_FADV_DONTNEED", FileWriteCalls.POSIX_FADV_DONTNEED);
        expect("LOCK_EX", FileWriteCalls.LOCK_EX);
        expect("LOCK_NB", FileWriteCalls.LOCK_NB);
    }

    @Test
    void userfaultfd_features_stand_in_the_kernels_bit_order() {
        for (UserfaultfdFeature feature : UserfaultfdFeature.values()) {
            expect("UFFD_FEATURE_" + feature.name(), feature.bit());
        }
    }

    @Test
    void error_numbers_are_what_the_headers_say() throws IllegalAccessException {
        for (var field : Errno.class.getDeclaredFields()) {
            if (field.getType() == Errno.class && field.get(null) instanceof Errno errno) {
                assertThat(header).containsEntry(field.getName(), (long) errno.code());
            }
        }
    }

    private static void expect(String name, long value) {
        if (header.containsKey(name)) { // an older header may lack the newest
            assertThat(header).containsEntry(name, value);
        }
    }

    private static Map<String, Long> describe(StructLayout layout) {
        Map<String, Long> offsets = new TreeMap<>();
        String type = layout.name().orElseThrow();
        offsets.put(type, layout.byteSize());
        for (MemoryLayout member : layout.memberLayouts()) {
            if (!(member instanceof PaddingLayout)) {
                String name = member.name().orElseThrow();
                offsets.put(type + "." + name, layout.byteOffset(PathElement.groupElement(name)));
            }
        }
        return offsets;
    }

    @SuppressWarnings("StringSplitter") // an empty element of the PATH is no folder and does no harm
    private static boolean isOnPath(String program) {
        String path = System.getenv().getOrDefault("PATH", "");
        for (String folder : path.split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return true;
            }
        }
        return false;
    }

    private static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }
}
