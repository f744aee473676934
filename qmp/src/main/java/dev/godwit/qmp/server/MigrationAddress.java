package dev.godwit.qmp.server;

import java.util.List;
import java.util.Optional;

/**
 * Where a migration goes or comes from: {@code uri}, or {@code channels} with QEMU's address objects, whose URI it is.
 *
 * @param uri in QEMU's notation
 */
record MigrationAddress(String uri) {

    private static final List<String> CHANNEL_TYPES = List.of("main", "cpr");
    private static final List<String> TRANSPORTS = List.of("socket", "exec", "rdma", "file");
    private static final List<String> SOCKET_TYPES = List.of("inet", "unix", "vsock", "fd");

    private static final String NEITHER = "need either 'uri' or 'channels' argument";

    static MigrationAddress of(Arguments arguments) throws RefusedCommandException {
        Optional<String> uri = arguments.optionalText("uri");
        Optional<List<Arguments>> channels = arguments.optionalObjects("channels");
        Optional<String> main = channels.isEmpty() ? Optional.empty() : mainOf(channels.get());
        if (uri.isPresent() == main.isPresent()) {
            throw new RefusedCommandException(
                    uri.isPresent() ? "need either 'uri' or 'channels' argument, and not both" : NEITHER);
        }
        return new MigrationAddress(uri.or(() -> main).orElseThrow());
    }

    private static Optional<String> mainOf(List<Arguments> channels) throws RefusedCommandException {
        Optional<String> main = Optional.empty();
        for (Arguments channel : channels) {
            String type = channel.word("channel-type", CHANNEL_TYPES);
            Arguments address = channel.object("addr");
            String uri = uriOf(address);
            address.end();
            channel.end();
            if (type.equals("cpr")) {
                throw new RefusedCommandException("the channel type 'cpr' is not supported: it is for a QEMU that"
                        + " takes over another one's file descriptors");
            }
            if (main.isPresent()) {
                throw new RefusedCommandException("Channel list has more than one main entry");
            }
            main = Optional.of(uri);
        }
        return main;
    }

    private static String uriOf(Arguments address) throws RefusedCommandException {
        return switch (address.word("transport", TRANSPORTS)) {
            case "socket" -> socket(address);
            case "exec" -> exec(address.texts("args"));
            case "file" -> {
                String name = address.text("filename");
                long offsetBytes = address.number("offset");
                yield "file:" + name + (offsetBytes == 0 ? "" : ",offset=" + offsetBytes);
            }
            default -> throw notSupported("rdma");
        };
    }

    private static String socket(Arguments address) throws RefusedCommandException {
        return switch (address.word("type", SOCKET_TYPES)) {
            case "inet" -> {
                String host = address.text("host");
                String port = address.text("port");
                yield "tcp:" + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
            }
            case "unix" -> "unix:" + address.text("path");
            case "fd" -> "fd:" + address.text("str");
            default -> throw notSupported("vsock");
        };
    }

    /** QEMU runs the program without a shell; the URI has one, which gives itself up for the program. */
    private static String exec(List<String> args) throws RefusedCommandException {
        if (args.isEmpty()) {
            throw new RefusedCommandException("Parameter 'args' needs a program");
        }
        StringBuilder command = new StringBuilder("exec");
        for (String arg : args) {
            command.append(" '").append(arg.replace("'", "'\\''")).append('\'');
        }
        return "exec:" + command;
    }

    private static RefusedCommandException notSupported(String transport) {
        return new RefusedCommandException("the transport '" + transport + "' is not supported");
    }
}
