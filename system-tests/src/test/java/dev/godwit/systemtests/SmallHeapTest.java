package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.RamBlockList;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.StreamWriter;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.testkit.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A guest of which hardly a page is there, but too large to be counted in a heap of 64 MiB. */
class SmallHeapTest {

    @TempDir
    private Path folder = Path.of("");

    private static Configuration configuration(String... capabilities) {
        return new Configuration("pc", OptionalInt.empty(), List.of(capabilities), Optional.empty());
    }

    private static byte[] classicStream(long ramBytes) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
        StreamWriter writer = new StreamWriter(output);
        SectionHeader start = new SectionHeader(SectionType.START, 1, SectionHeader.RAM, 0, SectionHeader.RAM_VERSION);
        writer.header();
        writer.configuration(configuration());
        writer.beginRamSection(start);
        writer.blockList(RamBlockList.of(new RamLayout(List.of(new RamBlock("pc.ram", ramBytes)))));
        writer.endOfRecords();
        writer.endRamSection(start);
        writer.beginRamSection(start.as(SectionType.PART));
        writer.zeroPage(0, 0, false);
        writer.endOfRecords();
        output.flush();
        return bytes.toByteArray();
    }

    private Process godwit(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.godwit.cli.Godwit"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
    }

    private void assertTooLarge(Process godwit, String words) throws Exception {
        try {
            assertThat(godwit.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(folder.resolve("log")).content().contains(words).doesNotContain("OutOfMemory", "DAMAGED");
            assertThat(godwit.exitValue()).isEqualTo(1);
        } finally {
            godwit.destroyForcibly();
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString())).isSubsetOf("log", "in", "socket");
        }
    }

    @ParameterizedTest(name = "{0} bytes, mapped-ram {1}: {2}")
    @CsvSource({
        "0x400000000000, true, are supported",
        "0x100000000000, true, GODWIT_OPTS=-Xmx2253m",
        "0x400000000000, false, are supported",
        "0x1000000000, false, GODWIT_OPTS=-Xmx159m"
    })
    void a_file_of_it_is_refused_with_the_heap_that_it_needs(String ramBytes, boolean mappedRam, String words)
            throws Exception {
        long bytes = Long.decode(ramBytes);
        Path file = folder.resolve("in");
        Files.write(
                file,
                mappedRam
                        ? MappedRamHead.opening(configuration(Configuration.MAPPED_RAM), 1, bytes)
                        : classicStream(bytes));
        for (String[] command : new String[][] {
            {"inspect", file.toString()},
            {"verify", file.toString()},
            {"convert", file.toString(), folder.resolve("out").toString(), "--to=mapped-ram"}
        }) {
            assertTooLarge(godwit(command), words);
        }
    }

    @Test
    void a_source_of_it_is_refused_with_the_heap_that_it_needs() throws Exception {
        Path socket = folder.resolve("socket");
        Process godwit = godwit("receive", folder.resolve("out").toString(), "--listen=unix:" + socket);
        Await.until("its socket", () -> {
            assertThat(godwit.isAlive()).isTrue();
            return Files.exists(socket);
        });
        try (SocketChannel source = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            source.write(ByteBuffer.wrap(classicStream(1L << 36)));
            assertTooLarge(godwit, "GODWIT_OPTS=-Xmx159m");
        }
    }
}
