package dev.godwit.transport;

import dev.godwit.linux.DescriptorStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A descriptor that this process was started with. A file or a pipe is opened once more through {@code /proc}; the
 * kernel does not open a socket this way, which is used as it is.
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
            return new PlainMigrationChannel(DescriptorStream.ofSocket(uri.number()), uri.toString());
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
        return new PlainMigrationChannel(file, uri.toString());
    }

    private static Set<OpenOption> options(int accessMode) {
        return switch (accessMode) {
            case 0 -> Set.of(StandardOpenOption.READ);
            case 1 -> Set.of(StandardOpenOption.WRITE);
            default -> Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
        };
    }
}
