package dev.godwit.xen;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** The images in the test resources; where they come from is told in README.md beside them. */
final class Fixtures {

    private static final Map<String, byte[]> SAMPLES = unpack("samples.zip");

    private Fixtures() {}

    static Map<String, byte[]> samples() {
        return SAMPLES;
    }

    static byte[] sample(String name) {
        return Objects.requireNonNull(SAMPLES.get(name), name);
    }

    static byte[] gold(String name) {
        try (ZipInputStream zip = new ZipInputStream(open("gold.zip"))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                if (entry.getName().equals(name)) {
                    return zip.readAllBytes();
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new AssertionError(name);
    }

    static ImageInput input(byte[] bytes) {
        return new ImageInput(Channels.newChannel(new ByteArrayInputStream(bytes)));
    }

    private static Map<String, byte[]> unpack(String archive) {
        Map<String, byte[]> files = new TreeMap<>();
        try (ZipInputStream zip = new ZipInputStream(open(archive))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                files.put(entry.getName(), zip.readAllBytes());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }

    private static InputStream open(String name) {
        return Objects.requireNonNull(Fixtures.class.getResourceAsStream(name), name);
    }
}
