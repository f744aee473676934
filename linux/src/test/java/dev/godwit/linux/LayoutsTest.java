package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.linux.calls.Architecture;
import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.SystemCall;
import java.lang.foreign.StructLayout;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Holds every structure and constant of this package and of {@code calls} against the C compiler's word. They are found
 * by looking at all classes, so that a new one is held too.
 */
class LayoutsTest {

    private static final String[] HEADERS = {
        "errno.h",
        "fcntl.h",
        "linux/fs.h",
        "linux/kvm.h",
        "linux/mman.h",
        "linux/userfaultfd.h",
        "limits.h",
        "netinet/in.h",
        "netinet/tcp.h",
        "poll.h",
        "sched.h",
        "signal.h",
        "sys/epoll.h",
        "sys/eventfd.h",
        "sys/file.h",
        "sys/ioctl.h",
        "sys/mman.h",
        "sys/socket.h",
        "sys/stat.h",
        "sys/syscall.h",
        "sys/uio.h",
        "sys/un.h",
        "sys/utsname.h",
        "time.h",
        "unistd.h"
    };

    /** Headers of older kernels lack these; they are held against the documented form of a request's number below. */
    private static final Set<String> NEWER_STRUCTURES =
            Set.of("uffdio_move", "uffdio_poison", "pm_scan_arg", "page_region");

    private static final String NEWER_CONSTANTS =
            "UFFDIO_(MOVE|POISON|CONTINUE_MODE_WP).*|_UFFDIO_(MOVE|POISON)|PAGEMAP_SCAN|PM_SCAN_.*|PAGE_IS_.*"
                    + "|UFFD_FEATURE_(WP_UNPOPULATED|POISON|WP_ASYNC|MOVE)|SCM_MAX_FD";

    private static final Map<String, Long> CONSTANTS = new TreeMap<>();
    private static final List<StructLayout> LAYOUTS = new ArrayList<>();
    private static Map<String, Long> header = Map.of();

    @BeforeAll
    static void ask_the_compiler(@TempDir Path folder) throws Exception {
        CProgram program = new CProgram().include(HEADERS);
        for (Class<?> type : classes()) {
            for (Field field : type.getDeclaredFields()) {
                collect(type, field);
            }
        }
        collectEnums();
        CONSTANTS.keySet().forEach(program::value);
        boolean newHeaders = new CProgram().include(HEADERS).defines(folder, "UFFDIO_MOVE", "PAGEMAP_SCAN");
        for (StructLayout layout : LAYOUTS) {
            if (newHeaders || !NEWER_STRUCTURES.contains(layout.name().orElseThrow())) {
                program.layout(layout);
            }
        }
        header = program.run(folder);
    }

    private static void collect(Class<?> type, Field field) throws IllegalAccessException {
        int modifiers = field.getModifiers();
        boolean calls = type.getPackageName().endsWith(".calls");
        // what is public outside of the calls is Java's; what is private is computed
        boolean kernels =
                calls ? Modifier.isPublic(modifiers) : (modifiers & (Modifier.PUBLIC | Modifier.PRIVATE)) == 0;
        if (!kernels || !Modifier.isStatic(modifiers) || !Modifier.isFinal(modifiers) || field.isSynthetic()) {
            return;
        }
        field.setAccessible(true);
        Object value = field.get(null);
        boolean computed = field.getName().startsWith("STX_") || field.getName().equals("ARGUMENT_BYTES");
        if (value instanceof Number number && !computed) {
            long bits = value instanceof Integer i && i < 0 ? Integer.toUnsignedLong(i) : number.longValue();
            CONSTANTS.merge(field.getName(), bits, (left, right) -> {
                assertThat(left).as(field.getName()).isEqualTo(right);
                return left;
            });
        } else if (value instanceof StructLayout layout) {
            LAYOUTS.add(layout);
        }
    }

    private static void collectEnums() throws IllegalAccessException {
        for (UserfaultfdFeature feature : UserfaultfdFeature.values()) {
            CONSTANTS.put("UFFD_FEATURE_" + feature, feature.bit());
        }
        for (Userfaultfd.Request request : Userfaultfd.Request.values()) {
            CONSTANTS.put("_UFFDIO_" + request, (long) request.number());
        }
        CONSTANTS.put("UFFDIO_REGISTER_MODE_MISSING", Userfaultfd.Mode.MISSING.bit());
        CONSTANTS.put("UFFDIO_REGISTER_MODE_WP", Userfaultfd.Mode.WRITE_PROTECT.bit());
        CONSTANTS.put("UFFDIO_REGISTER_MODE_MINOR", Userfaultfd.Mode.MINOR.bit());
        for (PageCategory category : PageCategory.values()) {
            CONSTANTS.put("PAGE_IS_" + category, category.bit());
        }
        for (Advice advice : Advice.values()) {
            CONSTANTS.put("MADV_" + advice, (long) advice.number());
        }
        for (Seal seal : Seal.values()) {
            CONSTANTS.put("F_SEAL_" + seal, (long) seal.bit());
        }
        for (SystemCall call : SystemCall.values()) {
            CONSTANTS.put("SYS_" + call.name().toLowerCase(java.util.Locale.ROOT), (long) call.number());
        }
        CONSTANTS.put("MAP_HUGE_2MB", (long) HugePageSize.MIB_2.flags(0));
        CONSTANTS.put("MAP_HUGE_1GB", (long) HugePageSize.GIB_1.flags(0));
        for (Field field : Errno.class.getDeclaredFields()) {
            if (field.getType() == Errno.class && field.get(null) instanceof Errno errno) {
                CONSTANTS.put(field.getName(), (long) errno.code());
            }
        }
    }

    @Test
    void layouts_are_what_the_headers_say() {
        assertThat(LAYOUTS).hasSizeGreaterThan(20);
        for (StructLayout layout : LAYOUTS) {
            String name = layout.name().orElseThrow();
            if (header.containsKey(name) || !NEWER_STRUCTURES.contains(name)) {
                assertThat(header).containsAllEntriesOf(CProgram.describe(layout));
            }
        }
    }

    @Test
    void constants_are_what_the_headers_say() {
        Map<String, Long> differing = new TreeMap<>();
        Set<String> unknown = new TreeSet<>();
        CONSTANTS.forEach((name, value) -> {
            Long truth = header.get(name);
            if (truth == null) {
                unknown.add(name);
            } else if (truth.longValue() != value && (truth & 0xffff_ffffL) != value) { // sign-extended by C
                differing.put(name, truth);
            }
        });
        assertThat(CONSTANTS).hasSizeGreaterThan(150);
        assertThat(differing).isEmpty();
        assertThat(unknown).allMatch(name -> name.matches(NEWER_CONSTANTS));
    }

    /** {@code _IOC} of {@code asm-generic/ioctl.h}: direction in bits 30 and 31, size in 16 to 29, type, number. */
    @Test
    void requests_newer_than_the_headers_carry_the_size_of_their_structure() {
        assertThat(UserfaultfdCalls.UFFDIO_COPY).isEqualTo(readWrite(0xaa, 3, UserfaultfdCalls.UFFDIO_COPY_LAYOUT));
        assertThat(UserfaultfdCalls.UFFDIO_MOVE).isEqualTo(readWrite(0xaa, 5, UserfaultfdCalls.UFFDIO_MOVE_LAYOUT));
        assertThat(UserfaultfdCalls.UFFDIO_POISON).isEqualTo(readWrite(0xaa, 8, UserfaultfdCalls.UFFDIO_POISON_LAYOUT));
        assertThat(PagemapScan.PAGEMAP_SCAN).isEqualTo(readWrite('f', 16, PagemapScan.PM_SCAN_ARG_LAYOUT));
    }

    private static long readWrite(int type, int number, StructLayout argument) {
        return 3L << 30 | argument.byteSize() << 16 | (long) type << 8 | number;
    }

    /** The kernel's generic table, which aarch64 uses as it is, is among the headers of every architecture. */
    @Test
    void the_system_call_numbers_of_aarch64_are_those_of_the_generic_table(@TempDir Path folder) throws Exception {
        CProgram program = new CProgram().include("asm-generic/unistd.h");
        Map<String, Long> numbers = new TreeMap<>();
        for (SystemCall call : SystemCall.values()) {
            String name = "__NR_" + call.name().toLowerCase(java.util.Locale.ROOT);
            program.value(name);
            numbers.put(name, (long) call.number(Architecture.AARCH64));
        }
        assertThat(program.run(folder)).isEqualTo(numbers);
    }

    private static List<Class<?>> classes() throws Exception {
        List<Class<?>> classes = new ArrayList<>();
        for (Class<?> neighbour : List.of(Descriptor.class, LibC.class)) {
            Path folder = Path.of(neighbour
                            .getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .resolve(neighbour.getPackageName().replace('.', '/'));
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : (Iterable<Path>) files::iterator) {
                    String name = file.getFileName().toString();
                    if (name.endsWith(".class") && !name.contains("-info")) {
                        String type = name.substring(0, name.length() - ".class".length());
                        classes.add(Class.forName(neighbour.getPackageName() + "." + type));
                    }
                }
            }
        }
        assertThat(classes).contains(UserfaultfdCalls.class, PagemapScan.class);
        return classes;
    }
}
