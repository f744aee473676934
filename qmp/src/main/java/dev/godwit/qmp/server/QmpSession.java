package dev.godwit.qmp.server;

import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.MalformedJsonException;
import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.function.Consumer;

/**
 * One client of a {@link QmpServer}. Three virtual threads: one reads and executes what may be out of band, one
 * executes the other commands in order, one writes.
 */
final class QmpSession implements Closeable {

    /** So many messages may wait for a client that does not read. */
    static final int MAX_QUEUED_MESSAGES = 4096;

    /** So many commands may wait for the one before them; then the client is not read from. */
    private static final int MAX_QUEUED_COMMANDS = 8;

    private static final Duration LONGEST_GOODBYE = Duration.ofSeconds(2);

    private final SocketChannel channel;
    private final Dispatcher dispatcher;
    private final Consumer<QmpSession> onEnd;
    private final ArrayBlockingQueue<Line> toWrite = new ArrayBlockingQueue<>(MAX_QUEUED_MESSAGES + 1);
    private final ArrayBlockingQueue<Request> toExecute = new ArrayBlockingQueue<>(MAX_QUEUED_COMMANDS);
    private final Thread reader;
    private final Thread executor;
    private final Thread writer;

    /** What came in: a value, or why there was none. */
    private sealed interface Request {
        record Message(JsonValue value) implements Request {}

        record Malformed(String reason) implements Request {}

        record Hangup() implements Request {}
    }

    /** What goes out. It is put into words by who writes: whoever tells of an event may hold up a guest. */
    private sealed interface Line {
        record Message(JsonObject message) implements Line {}

        record Event(MachineEvent event, Instant at) implements Line {}

        record End() implements Line {}
    }

    QmpSession(SocketChannel channel, CommandTable commands, Consumer<QmpSession> onEnd) {
        this.channel = channel;
        this.dispatcher = new Dispatcher(commands);
        this.onEnd = onEnd;
        this.reader = Thread.ofVirtual().name("qmp-client-reader").unstarted(this::readAll);
        this.executor = Thread.ofVirtual().name("qmp-client-commands").unstarted(this::executeAll);
        this.writer = Thread.ofVirtual().name("qmp-client-writer").unstarted(this::writeAll);
    }

    void start(JsonObject version) {
        send(ServedVersion.greeting(version));
        writer.start();
        executor.start();
        reader.start();
    }

    /** Sends an event, if the client has negotiated. Does not block. */
    void event(MachineEvent event, Instant at) {
        if (dispatcher.negotiated()) {
            send(new Line.Event(event, at));
        }
    }

    private void send(JsonObject message) {
        send(new Line.Message(message));
    }

    private void send(Line line) {
        if (!offer(line)) {
            QmpServer.LOG.log(
                    Level.WARNING,
                    "QMP: a client that had left " + MAX_QUEUED_MESSAGES + " messages unread was disconnected");
            disconnect();
        }
    }

    private synchronized boolean offer(Line line) {
        return toWrite.size() < MAX_QUEUED_MESSAGES && toWrite.offer(line);
    }

    private void readAll() {
        MessageReader messages = new MessageReader(channel);
        try {
            while (true) {
                Request request = next(messages);
                if (request instanceof Request.Message(JsonObject message) && dispatcher.isOutOfBand(message)) {
                    send(dispatcher.execute(message));
                } else {
                    toExecute.put(request);
                }
                if (request instanceof Request.Hangup) {
                    return;
                }
            }
        } catch (IOException e) {
            disconnect(); // a client that resets its connection has hung up too
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static Request next(MessageReader messages) throws IOException {
        try {
            Optional<JsonValue> value = messages.read();
            return value.isPresent() ? new Request.Message(value.get()) : new Request.Hangup();
        } catch (MalformedJsonException e) {
            return new Request.Malformed(String.valueOf(e.getMessage()));
        }
    }

    private void executeAll() {
        try {
            while (true) {
                switch (toExecute.take()) {
                    case Request.Message(JsonValue value) -> send(dispatcher.execute(value));
                    case Request.Malformed(String reason) -> send(Dispatcher.malformed(reason));
                    case Request.Hangup _ -> {
                        endWriting();
                        return;
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void writeAll() {
        try (channel) {
            while (true) {
                switch (toWrite.take()) {
                    case Line.Message(JsonObject message) -> write(message);
                    case Line.Event(MachineEvent event, Instant at) -> write(EventJson.of(event, at));
                    case Line.End _ -> {
                        return;
                    }
                }
            }
        } catch (IOException e) {
            QmpServer.LOG.log(Level.DEBUG, "QMP: a client has gone", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            onEnd.accept(this);
            executor.interrupt();
            reader.interrupt();
        }
    }

    private void write(JsonObject message) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((message + "\r\n").getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private void disconnect() {
        onEnd.accept(this);
        try {
            channel.close();
        } catch (IOException e) {
            QmpServer.LOG.log(Level.DEBUG, "QMP: a client's connection could not be closed", e);
        }
        writer.interrupt();
        executor.interrupt();
    }

    private void endWriting() {
        onEnd.accept(this);
        if (!toWrite.offer(new Line.End())) {
            disconnect();
        }
    }

    /**
     * Disconnects the client once the commands that it has sent are answered and it has what is queued for it, or it
     * has not read that for a while.
     */
    @Override
    public void close() {
        onEnd.accept(this);
        if (!toExecute.offer(new Request.Hangup())) {
            disconnect();
        }
        try {
            if (!writer.join(LONGEST_GOODBYE)) {
                disconnect();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            disconnect();
        }
    }
}
