package dev.godwit.kvm;

import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the guest sends over its serial port on the way to a stream, so that a stream that blocks does not hold up a
 * vCPU. A virtual thread writes; a stream that fails is written to no more, and the guest goes on.
 */
final class SerialOutput implements SerialPort.Output, AutoCloseable {

    private static final int ROOM_BYTES = 1 << 16;

    private final OutputStream stream;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final byte[] waiting = new byte[ROOM_BYTES]; // all from here on is guarded by the lock
    private int waitingBytes;
    private boolean wasFull;
    private boolean closed;
    private boolean failed;
    private final Thread writer;
    private volatile Runnable hasRoomAgain = () -> {};

    SerialOutput(OutputStream stream) {
        this.stream = stream;
        this.writer = Thread.ofVirtual().name("serial").start(this::write);
    }

    /** Says what to do when there is room again after there was none. */
    void onRoom(Runnable task) {
        hasRoomAgain = task;
    }

    @Override
    public boolean hasRoom() {
        lock.lock();
        try {
            wasFull |= waitingBytes == ROOM_BYTES;
            return waitingBytes < ROOM_BYTES;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void send(byte value) {
        lock.lock();
        try {
            if (!failed) {
                waiting[waitingBytes++] = value;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    private void write() {
        while (true) {
            byte[] next;
            boolean roomAgain;
            lock.lock();
            try {
                while (waitingBytes == 0 && !closed) {
                    changed.awaitUninterruptibly();
                }
                if (waitingBytes == 0) {
                    return;
                }
                next = Arrays.copyOf(waiting, waitingBytes);
                waitingBytes = 0;
                roomAgain = wasFull;
                wasFull = false;
            } finally {
                lock.unlock();
            }
            if (roomAgain) {
                hasRoomAgain.run();
            }
            try {
                stream.write(next);
                stream.flush();
            } catch (IOException e) {
                lock.lock();
                try {
                    failed = true;
                    waitingBytes = 0;
                } finally {
                    lock.unlock();
                }
            }
        }
    }

    /** Writes what waits; the stream stays open. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            boolean _ = writer.join(Duration.ofSeconds(5)); // a stream may block for ever
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // what still waits may be lost
        }
    }
}
