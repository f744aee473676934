package dev.godwit.systemtests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The rules between rooms, and the house's names. */
class RoomsTest {

    private static final JavaClasses GODWIT = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.godwit");

    /** Who may touch whom, themselves apart. */
    private static final Map<String, Set<String>> MAY_TOUCH = Map.ofEntries(
            Map.entry("linux", Set.of()),
            Map.entry("ram", Set.of()),
            Map.entry("codec", Set.of("ram")),
            Map.entry("engine", Set.of("ram")),
            Map.entry("kvm", Set.of("linux", "engine", "ram")),
            Map.entry("transport", Set.of("linux")),
            Map.entry("host", Set.of("linux", "engine", "ram")),
            Map.entry("workload", Set.of("host", "linux", "engine", "ram")),
            Map.entry("qmp", Set.of("engine")),
            Map.entry("qemu", Set.of("engine", "codec", "ram")),
            Map.entry("xen", Set.of("engine", "ram")),
            Map.entry("snapshot", Set.of("qemu", "xen", "linux", "engine", "codec", "ram")),
            Map.entry(
                    "operations",
                    Set.of(
                            "snapshot",
                            "xen",
                            "transport",
                            "workload",
                            "kvm",
                            "host",
                            "qmp",
                            "qemu",
                            "linux",
                            "engine",
                            "codec",
                            "ram")),
            Map.entry(
                    "cli",
                    Set.of(
                            "operations",
                            "snapshot",
                            "xen",
                            "transport",
                            "workload",
                            "kvm",
                            "host",
                            "qmp",
                            "qemu",
                            "linux",
                            "engine",
                            "codec",
                            "ram")));

    static Stream<String> rooms() {
        return new TreeSet<>(MAY_TOUCH.keySet()).stream();
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void every_room_was_read(String room) {
        assertThat(GODWIT.stream().anyMatch(c -> c.getPackageName().startsWith("dev.godwit." + room)))
                .as(room)
                .isTrue();
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void a_room_touches_only_its_neighbours(String room) {
        String[] others = rooms().filter(
                        other -> !other.equals(room) && !MAY_TOUCH.get(room).contains(other))
                .map(other -> "dev.godwit." + other + "..")
                .toArray(String[]::new);
        noClasses()
                .that()
                .resideInAPackage("dev.godwit." + room + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(others)
                .allowEmptyShould(true)
                .check(GODWIT);
    }

    @Test
    void only_linux_calls_native_code() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.godwit.linux..")
                .should()
                .dependOnClassesThat()
                .areAssignableTo(Linker.class)
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(SymbolLookup.class)
                .check(GODWIT);
    }

    @Test
    void qemu_opens_no_files_and_no_sockets() {
        noClasses()
                .that()
                .resideInAPackage("dev.godwit.qemu..")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.nio.file.Files")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.nio.channels.SocketChannel")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.nio.channels.ServerSocketChannel")
                .orShould()
                .dependOnClassesThat()
                .resideInAPackage("java.net")
                .check(GODWIT);
    }

    @Test
    void xen_opens_no_files_and_no_sockets() {
        noClasses()
                .that()
                .resideInAPackage("dev.godwit.xen..")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.nio.file.Files")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.nio.channels.FileChannel")
                .orShould()
                .dependOnClassesThat()
                .resideInAPackage("java.net")
                .check(GODWIT);
    }

    @Test
    void names_say_what_a_class_is() {
        classes()
                .that()
                .resideInAPackage("dev.godwit..")
                .should()
                .haveNameNotMatching(".*(Manager|Helper|Utils?|Impl|Data|Info)|.*[.$]Abstract[A-Z]\\w*")
                .check(GODWIT);
    }
}
