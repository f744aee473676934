package dev.godwit.operations;

import dev.godwit.qmp.JsonBoolean;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.MalformedJsonException;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a lazy restore leaves in its {@link PrivateFolder} for the one that resumes it in another process: how QEMU's
 * settings were before. Which pages are where it does not say; QEMU knows that.
 *
 * <pre>
 * {"qmp": "unix:/absolute/path", "capabilities": {"events": false, …}, "parameters": {…}}
 * </pre>
 */
final class PostcopySession {

    private static final String FILE = "session.json";
    private static final int LONGEST_BYTES = 64 << 10;

    private PostcopySession() {}

    /** Notes what a QEMU's settings were before they were changed. */
    static void keep(PrivateFolder folder, QmpAddress address, QemuSettings settings) throws IOException {
        JsonObject capabilities = JsonObject.empty();
        for (Map.Entry<String, Boolean> capability : settings.capabilities().entrySet()) {
            capabilities = capabilities.with(capability.getKey(), capability.getValue());
        }
        Files.writeString(
                folder.resolve(FILE),
                JsonObject.of("qmp", absolute(address))
                        .with("capabilities", capabilities)
                        .with("parameters", settings.parameters())
                        .toString());
    }

    /**
     * What a restore has left.
     *
     * @param settings those that it found
     * @param folder where they are kept, now the caller's
     */
    record Kept(QemuSettings settings, PrivateFolder folder) {}

    /**
     * {@return what the latest restore into a QEMU found, where that restore has ended without putting it back} It
     * stays where it lies, so that it outlives the caller too; what older ones have left is removed.
     */
    static Optional<Kept> takeUp(QmpAddress address, QemuMonitor monitor) throws IOException {
        List<Found> found = of(address);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        Found latest = found.removeLast();
        for (Found older : found) {
            PrivateFolder.remove(older.folder());
        }
        PrivateFolder folder =
                PrivateFolder.takeOver(latest.folder(), FILE, monitor.client().peerUser());
        return Optional.of(new Kept(settings(latest.session(), monitor), folder));
    }

    /** Removes what restores into a QEMU have left that nobody resumes any more. */
    static void forget(QmpAddress address) throws IOException {
        for (Found found : of(address)) {
            PrivateFolder.remove(found.folder());
        }
    }

    /** One as it lies there. */
    private record Found(Path folder, JsonObject session, FileTime written) {}

    /** {@return those of a QEMU, the oldest first} */
    private static List<Found> of(QmpAddress address) throws IOException {
        List<Found> all = new ArrayList<>();
        for (Path folder : PrivateFolder.all()) {
            Optional<JsonObject> session = read(folder);
            if (session.flatMap(kept -> kept.text("qmp")).equals(Optional.of(absolute(address)))) {
                all.add(new Found(folder, session.get(), Files.getLastModifiedTime(folder.resolve(FILE))));
            }
        }
        all.sort(Comparator.comparing(Found::written));
        return all;
    }

    private static QemuSettings settings(JsonObject session, QemuMonitor monitor) {
        Map<String, Boolean> capabilities = new LinkedHashMap<>();
        for (Map.Entry<String, JsonValue> member : session.object("capabilities")
                .orElse(JsonObject.empty())
                .members()
                .entrySet()) {
            if (member.getValue() instanceof JsonBoolean(boolean on)) {
                capabilities.put(member.getKey(), on);
            }
        }
        return new QemuSettings(
                monitor, capabilities, session.object("parameters").orElse(JsonObject.empty()));
    }

    /** Others may write into the folder for temporary files too; theirs are no sessions of ours. */
    private static Optional<JsonObject> read(Path folder) throws IOException {
        Path file = folder.resolve(FILE);
        try {
            boolean ours = Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                    && Files.getOwner(file, LinkOption.NOFOLLOW_LINKS).getName().equals(System.getProperty("user.name"))
                    && Files.size(file) <= LONGEST_BYTES;
            return ours ? Optional.of(JsonObject.parse(Files.readString(file))) : Optional.empty();
        } catch (NoSuchFileException | MalformedJsonException _) {
            return Optional.empty(); // its restore is just ending, or was killed while it wrote
        }
    }

    private static String absolute(QmpAddress address) {
        return address instanceof QmpAddress.Unix(Path path)
                ? "unix:" + path.toAbsolutePath().normalize()
                : address.toString();
    }
}
