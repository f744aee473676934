package dev.godwit.transport;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Socket addresses of migration URIs, and what went wrong with them in words. */
final class Addresses {

    /** {@code sizeof(sun_path)} is 108; the NUL takes one, and the JDK gives one more away. */
    static final int MAX_UNIX_PATH_BYTES = 106;

    private Addresses() {}

    static InetSocketAddress of(MigrationUri.Tcp uri) throws IOException {
        try {
            InetAddress address =
                    uri.host().isEmpty() ? InetAddress.ofLiteral("127.0.0.1") : InetAddress.getByName(uri.host());
            return new InetSocketAddress(address, uri.port());
        } catch (UnknownHostException e) {
            throw new IOException(uri + ": no such host", e);
        }
    }

    static UnixDomainSocketAddress of(MigrationUri.Unix uri) throws IOException {
        int pathBytes = uri.path().toString().getBytes(StandardCharsets.UTF_8).length;
        if (pathBytes > MAX_UNIX_PATH_BYTES) {
            throw new IOException("the path of a unix socket has at most " + MAX_UNIX_PATH_BYTES + " bytes, this one "
                    + pathBytes + ": " + uri);
        }
        return UnixDomainSocketAddress.of(uri.path());
    }

    static String text(@Nullable SocketAddress address, MigrationUri fallback) {
        if (address instanceof InetSocketAddress inet) {
            return new MigrationUri.Tcp(inet.getAddress().getHostAddress(), inet.getPort()).toString();
        }
        return fallback.toString();
    }

    /** {@return the same failure with the address and the reason in words} */
    static IOException explained(MigrationUri uri, IOException e) {
        return new IOException(uri + ": " + reason(uri, e), e);
    }

    private static String reason(MigrationUri uri, IOException e) {
        if (uri instanceof MigrationUri.Unix unix && !Files.exists(unix.path())) {
            return parentExists(unix.path()) ? "no such socket" : "no such folder";
        }
        return switch (e) {
            case SocketTimeoutException _ -> "no answer in time";
            case NoSuchFileException _ -> "no such file or folder";
            case AccessDeniedException _ -> "permission denied";
            case FileAlreadyExistsException _ -> "something is there already";
            case ConnectException refused
            when "Connection refused".equals(refused.getMessage()) -> "connection refused: nobody listens there";
            case IOException other -> other.getMessage() == null ? other.toString() : other.getMessage();
        };
    }

    private static boolean parentExists(Path path) {
        Path parent = path.toAbsolutePath().getParent();
        return parent != null && Files.isDirectory(parent);
    }
}
