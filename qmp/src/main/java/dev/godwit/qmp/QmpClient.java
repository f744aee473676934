package dev.godwit.qmp;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger.Level;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a QEMU's QMP socket.
 *
 * <p>Any thread may execute commands; answers find their command by its id, so many may be under way. One virtual
 * thread reads the socket and another writes it, so an interrupt of a waiting caller ends its wait and not the
 * connection; every subscriber has a thread of its own and may execute commands. When the connection is lost, every
 * waiter gets an {@link IOException} that says so, and so does every later command.
 */
public final class QmpClient implements Closeable {

    /** How long a command may take where the caller does not say. */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);

    private static final System.Logger LOG = System.getLogger("dev.godwit.qmp");

    private final QmpAddress address;
    private final QmpLines lines;
    private final CompletableFuture<JsonObject> greeting = new CompletableFuture<>();
    private final AtomicLong nextId = new AtomicLong(1);
    private final Map<Long, CompletableFuture<JsonObject>> waiting = new ConcurrentHashMap<>();
    private final LinkedBlockingQueue<JsonObject> toWrite = new LinkedBlockingQueue<>();
    private final Set<EventQueue> queues = ConcurrentHashMap.newKeySet();
    private final AtomicReference<@Nullable IOException> lost = new AtomicReference<>();
    private volatile boolean outOfBand;

    private QmpClient(QmpAddress address, QmpLines lines) {
        this.address = address;
        this.lines = lines;
    }

    /**
     * Connects, reads the greeting and negotiates capabilities, out-of-band execution included where QEMU offers it.
     *
     * @throws IOException if there is no such socket, nobody listens on it, or what listens does not speak QMP; nothing
     *     stays open
     */
    public static QmpClient connect(QmpAddress address) throws IOException {
        return connect(address, DEFAULT_TIMEOUT);
    }

    /**
     * Does the same, and says how long greeting and negotiation may take together. A QEMU whose QMP socket is in use by
     * another client greets only when that one has gone.
     */
    public static QmpClient connect(QmpAddress address, Duration timeout) throws IOException {
        QmpClient client = new QmpClient(address, new QmpLines(address.open(timeout)));
        Thread.ofVirtual().name("qmp-reader").start(client::readAll);
        Thread.ofVirtual().name("qmp-writer").start(client::writeAll);
        try {
            client.negotiate(timeout);
            return client;
        } catch (IOException | RuntimeException e) {
            client.close();
            throw e;
        }
    }

    private void negotiate(Duration timeout) throws IOException {
        JsonObject offered = await(greeting, timeout, "its greeting (another client may be connected to the socket)");
        boolean offersOutOfBand = offered.array("capabilities").stream()
                .flatMap(capabilities -> capabilities.stream())
                .anyMatch(new JsonString("oob")::equals);
        JsonObject arguments = offersOutOfBand
                ? JsonObject.empty().with("enable", new JsonArray(List.of(new JsonString("oob"))))
                : JsonObject.empty();
        execute("qmp_capabilities", arguments, timeout);
        outOfBand = offersOutOfBand;
    }

    /** {@return the address that it is connected to} */
    public QmpAddress address() {
        return address;
    }

    /** {@return what QEMU said of itself when it greeted: {@code version} and {@code capabilities}} */
    public JsonObject greeting() {
        return greeting.getNow(JsonObject.empty());
    }

    /** {@return the user that QEMU opened its unix socket as; empty for a TCP socket} */
    public Optional<UserPrincipal> peerUser() {
        return lines.peerUser();
    }

    /** {@return whether commands can be executed out of band} */
    public boolean isOutOfBandEnabled() {
        return outOfBand;
    }

    /**
     * Executes a command and returns its answer; an answer that is no object is wrapped as the member {@code value}.
     *
     * @throws QmpException if QEMU refuses the command
     * @throws IOException if the connection is lost, or no answer comes within {@link #DEFAULT_TIMEOUT}; whether QEMU
     *     has executed the command is not known then
     */
    public JsonObject execute(String command, JsonObject arguments) throws IOException {
        return execute(command, arguments, DEFAULT_TIMEOUT);
    }

    /** Executes a command without arguments. */
    public JsonObject execute(String command) throws IOException {
        return execute(command, JsonObject.empty(), DEFAULT_TIMEOUT);
    }

    /** Executes a command, and says how long it may take. */
    public JsonObject execute(String command, JsonObject arguments, Duration timeout) throws IOException {
        return send("execute", command, arguments, timeout);
    }

    /**
     * Executes a command out of band, so that it works while QEMU's main loop hangs; only some commands allow it. In
     * band, where out of band is not enabled.
     */
    public JsonObject executeOutOfBand(String command, JsonObject arguments, Duration timeout) throws IOException {
        return send(outOfBand ? "exec-oob" : "execute", command, arguments, timeout);
    }

    private JsonObject send(String verb, String command, JsonObject arguments, Duration timeout) throws IOException {
        long id = nextId.getAndIncrement();
        CompletableFuture<JsonObject> answer = new CompletableFuture<>();
        waiting.put(id, answer);
        try {
            IOException cause = lost.get();
            if (cause != null) {
                throw new IOException(cause.getMessage(), cause);
            }
            JsonObject message = JsonObject.of(verb, command);
            toWrite.add(
                    (arguments.members().isEmpty() ? message : message.with("arguments", arguments)).with("id", id));
            return result(command, await(answer, timeout, "an answer to '" + command + "'"));
        } finally {
            waiting.remove(id);
        }
    }

    private static JsonObject result(String command, JsonObject answer) throws QmpException {
        JsonValue result = answer.get("return").orElse(null);
        if (result == null) {
            JsonObject error = answer.object("error").orElse(JsonObject.empty());
            throw new QmpException(
                    command,
                    error.text("class").orElse("unknown"),
                    error.text("desc").orElse(answer.toString()));
        }
        return result instanceof JsonObject object ? object : JsonObject.empty().with("value", result);
    }

    private JsonObject await(CompletableFuture<JsonObject> future, Duration timeout, String what) throws IOException {
        try {
            return future.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException(
                    "QEMU at %s did not send %s within %d ms".formatted(address, what, timeout.toMillis()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException) new InterruptedIOException("interrupted while waiting for " + what).initCause(e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException(cause.getMessage() + "; it was waited for " + what, cause);
        }
    }

    /**
     * Calls the subscriber with every event from now on, in order, on a thread of its own, until what is returned is
     * closed or the connection ends. What it throws is logged.
     */
    public Closeable subscribe(Consumer<QmpEvent> subscriber) {
        EventQueue queue = events();
        Thread.ofVirtual().name("qmp-subscriber").start(() -> {
            while (true) {
                QmpEvent event = queue.take();
                if (event == null) {
                    return;
                }
                try {
                    subscriber.accept(event);
                } catch (RuntimeException e) {
                    LOG.log(Level.ERROR, "A subscriber to QEMU's events failed on " + event.name(), e);
                }
            }
        });
        return queue::close;
    }

    /** {@return whether the connection stands, as far as is known} */
    public boolean isConnected() {
        return lost.get() == null;
    }

    /** Keeps every event from now on until it is awaited. */
    public EventQueue events() {
        EventQueue queue = new EventQueue(queues::remove);
        queues.add(queue);
        IOException cause = lost.get();
        if (cause != null) {
            queue.end(cause);
        }
        return queue;
    }

    private void readAll() {
        try {
            JsonObject first = lines.read();
            greeting.complete(first.object("QMP")
                    .orElseThrow(() -> new MalformedJsonException(
                            "the peer does not speak QMP: it did not greet with a member 'QMP'")));
            while (true) {
                receive(lines.read());
            }
        } catch (IOException e) {
            lose(e);
        }
    }

    private void receive(JsonObject message) throws IOException {
        if (message.text("event").isPresent()) {
            JsonObject timestamp = message.object("timestamp").orElse(JsonObject.empty());
            long seconds = timestamp.wholeNumber("seconds").orElse(-1);
            long microseconds = timestamp.wholeNumber("microseconds").orElse(0);
            boolean known = seconds >= 0 && seconds < Long.MAX_VALUE / 2_000_000;
            QmpEvent event = new QmpEvent(
                    message.text("event").get(),
                    message.object("data").orElse(JsonObject.empty()),
                    known ? seconds * 1_000_000 + microseconds : -1);
            queues.forEach(queue -> queue.add(event));
            return;
        }
        if (message.get("return").isEmpty() && message.object("error").isEmpty()) {
            throw new MalformedJsonException("the peer sent a message that is no answer and no event");
        }
        long id = message.wholeNumber("id")
                .orElseThrow(() -> new MalformedJsonException("the peer sent an answer without a command's id"
                        + message.object("error")
                                .flatMap(error -> error.text("desc"))
                                .map(": "::concat)
                                .orElse("")));
        if (id < 1 || id >= nextId.get()) {
            throw new MalformedJsonException("the peer sent an answer to a command that was never sent");
        }
        CompletableFuture<JsonObject> answer = waiting.remove(id);
        if (answer != null) { // else its caller has given up waiting
            answer.complete(message);
        }
    }

    private void writeAll() {
        try {
            while (lost.get() == null) {
                JsonObject message = toWrite.take();
                if (lost.get() == null) {
                    lines.write(message);
                }
            }
        } catch (IOException e) {
            lose(e);
        } catch (InterruptedException e) {
            lose(e);
        }
    }

    private void lose(Exception cause) {
        end(new IOException("the connection to QEMU at %s was lost: %s".formatted(address, cause.getMessage()), cause));
    }

    private void end(IOException cause) {
        if (!lost.compareAndSet(null, cause)) {
            return;
        }
        try {
            lines.close();
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
        greeting.completeExceptionally(cause);
        waiting.values().forEach(answer -> answer.completeExceptionally(cause));
        queues.forEach(queue -> queue.end(cause));
        toWrite.add(JsonObject.empty()); // wakes the writer, which sees that it is over
    }

    /** Closes the connection; QEMU goes on. Commands under way fail. */
    @Override
    public void close() {
        end(new IOException("the connection to QEMU at %s was closed".formatted(address)));
    }
}
