package dev.godwit.qemu.vmstate;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** The streams captured from real QEMUs, and what their manifest says of them. */
public final class CapturedLayouts {

    private static final Pattern FULL = Pattern.compile("([0-9a-f]+) FULL id=(\\d+) '(.*)'/(\\d+) v(\\d+) size=(\\d+)");
    private static final List<Object> MANIFEST = manifest();

    private CapturedLayouts() {}

    /** A section as the manifest lists it. */
    public record Listed(int at, int sectionId, String idstr, int instanceId, int versionId, int payloadBytes) {}

    /** The layout of one connection or file. */
    public record Layout(String file, List<String> lines) {

        public byte[] bytes() {
            return resource(file);
        }

        /** The FULL sections before (or behind) the last section of RAM. */
        public List<Listed> devices(boolean beforeRam) {
            int lastRam = 0;
            for (int i = 0; i < lines.size(); i++) {
                if (lines.get(i).matches("[0-9a-f]+ (START|PART|END|COMMAND).*")) {
                    lastRam = i;
                }
            }
            List<Listed> devices = new ArrayList<>();
            for (String line : beforeRam ? lines.subList(0, lastRam) : lines.subList(lastRam, lines.size())) {
                Matcher full = FULL.matcher(line);
                if (full.matches()) {
                    devices.add(new Listed(
                            Integer.parseInt(full.group(1), 16),
                            Integer.parseInt(full.group(2)),
                            full.group(3),
                            Integer.parseInt(full.group(4)),
                            Integer.parseInt(full.group(5)),
                            Integer.parseInt(full.group(6))));
                }
            }
            return devices;
        }

        public int offsetOf(String what) {
            return lines.stream()
                    .filter(line -> line.contains(" " + what))
                    .mapToInt(line -> Integer.parseInt(line.substring(0, line.indexOf(' ')), 16))
                    .reduce((first, last) -> last)
                    .orElseThrow();
        }

        @Override
        public String toString() {
            return file;
        }
    }

    /** Every layout that has a line with this text. */
    public static Stream<Layout> layoutsWith(String text) {
        List<Layout> layouts = new ArrayList<>();
        for (Object entry : MANIFEST) {
            Map<?, ?> capture = (Map<?, ?>) entry;
            Object layout = capture.get("layout");
            if (layout instanceof List<?> lines) {
                layouts.add(new Layout(capture.get("name") + ".mig.gz", strings(lines)));
            } else if (layout instanceof Map<?, ?> connections) {
                connections.forEach((name, lines) -> layouts.add(new Layout(name + ".gz", strings((List<?>) lines))));
            }
        }
        return layouts.stream().filter(layout -> layout.lines().stream().anyMatch(line -> line.contains(text)));
    }

    /** The SHA-256 of each block at the end, by block id. */
    public static Map<String, String> ramHashes(String capture) {
        Map<String, String> hashes = new LinkedHashMap<>();
        for (Object entry : MANIFEST) {
            Map<?, ?> map = (Map<?, ?>) entry;
            if (capture.equals(map.get("name")) && map.get("ram") instanceof Map<?, ?> blocks) {
                blocks.forEach((id, block) -> hashes.put((String) id, (String) ((Map<?, ?>) block).get("sha256")));
            }
        }
        return hashes;
    }

    public static byte[] resource(String file) {
        try (InputStream in = CapturedLayouts.class.getResourceAsStream("/captures/" + file)) {
            return new GZIPInputStream(java.util.Objects.requireNonNull(in, file)).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> strings(List<?> lines) {
        return lines.stream().map(String.class::cast).toList();
    }

    private static List<Object> manifest() {
        try (InputStream in = CapturedLayouts.class.getResourceAsStream("/captures/manifest.json");
                JsonParser json = new JsonFactory()
                        .createParser(ObjectReadContext.empty(), java.util.Objects.requireNonNull(in))) {
            json.nextToken();
            return List.copyOf((List<?>) value(json));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Object value(JsonParser json) {
        return switch (json.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                    String key = json.currentName();
                    json.nextToken();
                    map.put(key, value(json));
                }
                yield map;
            }
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                while (json.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(json));
                }
                yield list;
            }
            default -> json.getString();
        };
    }
}
