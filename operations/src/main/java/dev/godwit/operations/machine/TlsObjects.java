package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.qmp.server.Arguments;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.qmp.server.RefusedCommandException;
import dev.godwit.transport.TlsCredentials;
import dev.godwit.transport.TlsCredentials.Endpoint;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * The credentials that parameter {@code tls-creds} may name: objects of QEMU's type {@code tls-creds-x509}, or a folder
 * of such files. Thread-safe.
 */
final class TlsObjects {

    private static final String X509 = "tls-creds-x509";
    private static final Pattern IDENTIFIER = Pattern.compile("[A-Za-z][A-Za-z0-9_.-]*");

    private final Map<String, TlsCredentials> objects = new ConcurrentHashMap<>();

    List<QmpCommand> commands() {
        return List.of(QmpCommand.doing("object-add", this::add), QmpCommand.doing("object-del", this::delete));
    }

    private void add(Arguments arguments) throws RefusedCommandException, ControlException {
        String type = arguments.text("qom-type");
        if (!type.equals(X509)) {
            throw new RefusedCommandException(
                    "Parameter 'qom-type' does not accept value '" + type + "': objects can be of the type " + X509);
        }
        String id = arguments.text("id");
        Endpoint endpoint = arguments
                        .optionalWord("endpoint", List.of("client", "server"))
                        .orElse("client")
                        .equals("client")
                ? Endpoint.CLIENT
                : Endpoint.SERVER;
        String folder = arguments.optionalText("dir").orElse("");
        boolean verifyPeer = arguments.optionalTruth("verify-peer").orElse(true);
        arguments.end();
        if (!IDENTIFIER.matcher(id).matches()) {
            throw new ControlException("Parameter 'id' expects an identifier");
        }
        if (folder.isEmpty()) {
            throw new ControlException("Missing 'dir' property value");
        }
        if (objects.putIfAbsent(id, load(folder, endpoint, verifyPeer)) != null) {
            throw new ControlException("attempt to add duplicate property '" + id + "' to object (type 'container')");
        }
    }

    private void delete(Arguments arguments) throws RefusedCommandException, ControlException {
        String id = arguments.text("id");
        arguments.end();
        if (objects.remove(id) == null) {
            throw new ControlException("object '" + id + "' not found");
        }
    }

    /**
     * {@return the credentials of a name}
     *
     * @param name the id of an object, or a folder: a path with a slash in it
     * @throws ControlException if there are none, or they are for the other side
     */
    TlsCredentials find(String name, Endpoint endpoint) throws ControlException {
        TlsCredentials found = objects.get(name);
        if (found == null) {
            if (name.indexOf('/') < 0) {
                throw new ControlException("No TLS credentials with id '" + name + "'");
            }
            return load(name, endpoint, true);
        }
        if (found.endpoint() != endpoint) {
            throw new ControlException("Expected TLS credentials for a "
                    + (endpoint == Endpoint.CLIENT ? "client" : "server") + " endpoint");
        }
        return found;
    }

    private static TlsCredentials load(String folder, Endpoint endpoint, boolean verifyPeer) throws ControlException {
        try {
            return TlsCredentials.load(Path.of(folder), endpoint, verifyPeer);
        } catch (IOException | InvalidPathException e) {
            throw new ControlException(String.valueOf(e.getMessage()), e);
        }
    }
}
