package dev.godwit.transport;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A descriptor that this process was started with, opened once more through {@code /proc}. That works for files and
 * pipes; the kernel does not open a socket this way.
 */
final class InheritedDescriptor {

    private static final int ACCESS_MODE = 3;

    private InheritedDescriptor() {}

    static MigrationChannel open(MigrationUri.Fd uri) throws IOException {
        Path link = Path.of("/proc/self/fd/" + uri.number());
        if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(uri + ": this process has no such descriptor");
        }
        String target = Files.readSymbolicLink(link).toString();
        if (target.startsWith("socket:")) {
            throw new IOException(uri + ": is a socket; pass a pipe or a file, or use unix: or exec:");
        }
        long positionBytes = 0;
        int flags = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/fdinfo/" + uri.number()))) {
            if (line.startsWith("pos:")) {
                positionBytes = Long.parseLong(line.substring(4).trim());
            } else if (line.startsWith("flags:")) {
                flags = Integer.parseInt(line.substring(6).trim(), 8);
            }
        }
        FileChannel file = FileChannel.open(link, options(flags & ACCESS_MODE));
        // A descriptor opened anew starts at 0; whoever handed it over may have stopped elsewhere.
        if (positionBytes > 0) {
            file.position(positionBytes);
        }
        return new FileMigrationChannel(file, uri.toString());
    }

    private static Set<OpenOption> options(int accessMode) {
        return switch (accessMode) {
            case 0 -> Set.of(StandardOpenOption.READ);
            case 1 -> Set.of(StandardOpenOption.WRITE);
            default -> Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
        };
    }
}
