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
import java.util.ArrayList;
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
        Optional<Path> newest = Optional.empty();
        long newestMs = Long.MIN_VALUE;
        for (Path folder : of(address)) {
            long writtenMs = Files.getLastModifiedTime(folder.resolve(FILE)).toMillis();
            if (newest.isPresent()) {
                PrivateFolder.remove(writtenMs >= newestMs ? newest.get() : folder);
            }
            newest = writtenMs >= newestMs ? Optional.of(folder) : newest;
            newestMs = Math.max(newestMs, writtenMs);
        }
        Optional<JsonObject> session = newest.isPresent() ? read(newest.get()) : Optional.empty();
        if (session.isEmpty()) {
            return Optional.empty();
        }
        PrivateFolder folder =
                PrivateFolder.takeOver(newest.get(), FILE, monitor.client().peerUser());
        return Optional.of(new Kept(settings(session.get(), monitor), folder));
    }

    /** Removes what restores into a QEMU have left that nobody resumes any more. */
    static void forget(QmpAddress address) throws IOException {
        for (Path folder : of(address)) {
            PrivateFolder.remove(folder);
        }
    }

    private static List<Path> of(QmpAddress address) throws IOException {
        List<Path> folders = new ArrayList<>();
        for (Path folder : PrivateFolder.all()) {
            if (read(folder).flatMap(kept -> kept.text("qmp")).equals(Optional.of(absolute(address)))) {
                folders.add(folder);
            }
        }
        return folders;
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
