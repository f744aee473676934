package dev.godwit.kvm;

import dev.godwit.linux.InterruptSignal;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Threads;
import dev.godwit.linux.kvm.KvmExit;
import dev.godwit.linux.kvm.KvmVcpu;
import dev.godwit.linux.kvm.KvmVm;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A vCPU and its thread, named {@code vcpu-N}: the thread makes the vCPU, makes every call on it, and closes it. Others
 * ask it for things, from any thread.
 *
 * <p>Assumes that a signal ends {@code KVM_RUN}, and that {@code immediate_exit} makes it end before the first
 * instruction, but after it has completed an I/O access that the program answered.
 *
 * <p>Guarantees that a pause cannot be missed: whoever asks first notes the wish, then sets {@code immediate_exit},
 * then sends the signal. A vCPU outside of {@code KVM_RUN} meets {@code immediate_exit} when it enters; one inside
 * meets the signal. The vCPU's thread clears {@code immediate_exit} before it reads the wishes, so that one noted after
 * its reading ends the next run. And as the thread parks only when {@code KVM_RUN} was interrupted, never on an I/O
 * exit, the state of a parked vCPU is whole.
 */
final class VcpuThread {

    /** What is done about the exits of a vCPU, on its thread. */
    interface ExitHandler {
        /** {@return whether the vCPU may run on} */
        boolean handle(int id, KvmVcpu vcpu, KvmExit exit) throws IOException;
    }

    /** Something to do with a vCPU on its thread. */
    interface Work<T> {
        T with(KvmVcpu vcpu) throws IOException;
    }

    private final int id;
    private final ExitHandler handler;
    private final InterruptSignal signal;
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<Runnable> work = new ArrayDeque<>(); // all from here on is guarded by the lock
    private Optional<KvmVcpu> vcpu = Optional.empty();
    private Optional<LinuxException> failure = Optional.empty();
    private int threadId;
    private boolean runWanted;
    private boolean stalled;
    private boolean parked;
    private boolean quit;
    private long sleepUntilNs;
    private boolean sleepWanted;

    private VcpuThread(KvmVm vm, int id, ExitHandler handler) throws LinuxException {
        this.id = id;
        this.handler = handler;
        this.signal = InterruptSignal.get();
        this.thread = Thread.ofPlatform().name("vcpu-" + id).daemon(true).unstarted(() -> live(vm));
    }

    /**
     * {@return a vCPU that is parked}
     *
     * @throws LinuxException if the kernel has none
     */
    static VcpuThread start(KvmVm vm, int id, ExitHandler handler) throws LinuxException {
        VcpuThread vcpuThread = new VcpuThread(vm, id, handler);
        vcpuThread.thread.start();
        vcpuThread.awaitParked();
        if (vcpuThread.failure.isPresent()) {
            throw vcpuThread.failure.get();
        }
        return vcpuThread;
    }

    /** {@return its thread, as the kernel numbers threads} */
    int threadId() {
        lock.lock();
        try {
            return threadId;
        } finally {
            lock.unlock();
        }
    }

    /** Lets it run. */
    void run() {
        lock.lock();
        try {
            runWanted = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Asks it to park; returns at once. */
    void park() {
        lock.lock();
        try {
            runWanted = false;
            kick();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until it is parked. */
    void awaitParked() {
        lock.lock();
        try {
            while (!parked) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Has it sleep instead of running the guest; a pause wakes it. */
    void sleep(long durationNs) {
        lock.lock();
        try {
            if (!parked) {
                sleepUntilNs = System.nanoTime() + durationNs;
                sleepWanted = true;
                kick();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Makes it fit to run again after the end of a guest, because it got another state. */
    void forgetStall() {
        lock.lock();
        try {
            stalled = false;
        } finally {
            lock.unlock();
        }
    }

    /** {@return what the work on its thread answers} A vCPU that runs is interrupted for it, and runs on. */
    <T> T call(Work<T> task) throws IOException {
        FutureTask<T> future = new FutureTask<>(() -> task.with(vcpu.orElseThrow()));
        lock.lock();
        try {
            if (quit) {
                throw new IllegalStateException("vCPU " + id + " is closed");
            }
            work.add(future);
            kick();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true; // the kernel's answer comes soon, and half a state is of no use
                } catch (ExecutionException e) {
                    switch (e.getCause()) {
                        case IOException refused -> throw refused;
                        case RuntimeException mistake -> throw mistake;
                        case null, default -> throw new AssertionError(e);
                    }
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Ends the thread, which closes the vCPU; returns when it is over. */
    void close() {
        lock.lock();
        try {
            quit = true;
            kick();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // memory must not be unmapped under a vCPU
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void kick() {
        if (!parked && threadId != 0) {
            vcpu.ifPresent(running -> running.immediateExit(true));
            long _ = signal.send(threadId); // it cannot be gone: it says so under the lock
            changed.signalAll();
        }
    }

    private void live(KvmVm vm) {
        try (KvmVcpu own = vm.createVcpu(id)) {
            signal.unblock();
            lock.lock();
            try {
                vcpu = Optional.of(own);
                threadId = Threads.currentId();
            } finally {
                lock.unlock();
            }
            while (mayRun()) {
                runUntilInterrupted(own);
            }
            lock.lock();
            try {
                end();
            } finally {
                lock.unlock();
            }
        } catch (LinuxException e) {
            lock.lock();
            try {
                failure = Optional.of(e);
                end();
            } finally {
                lock.unlock();
            }
        }
    }

    private void end() {
        vcpu = Optional.empty();
        threadId = 0;
        quit = true;
        parked = true;
        changed.signalAll();
    }

    /** {@return whether to run the guest, when it is time to; if not, to end} */
    private boolean mayRun() {
        lock.lock();
        try {
            while (true) {
                if (!work.isEmpty()) {
                    Runnable next = work.remove();
                    lock.unlock();
                    try {
                        next.run();
                    } finally {
                        lock.lock();
                    }
                } else if (quit) {
                    return false;
                } else if (!runWanted || stalled) {
                    parked = true;
                    changed.signalAll();
                    changed.awaitUninterruptibly();
                } else if (sleepWanted && sleepUntilNs - System.nanoTime() > 0) {
                    parked = false;
                    long _ = changed.awaitNanos(sleepUntilNs - System.nanoTime());
                } else {
                    sleepWanted = false;
                    parked = false;
                    return true;
                }
            }
        } catch (InterruptedException e) {
            return true; // nobody has a reason to interrupt this thread: wishes are noted under the lock
        } finally {
            lock.unlock();
        }
    }

    private void runUntilInterrupted(KvmVcpu own) {
        while (true) {
            KvmExit exit = own.run();
            if (exit instanceof KvmExit.Interrupted) {
                own.immediateExit(false);
                return;
            }
            boolean goesOn;
            try {
                goesOn = handler.handle(id, own, exit);
            } catch (IOException | RuntimeException e) {
                goesOn = failed(own, e);
            }
            if (!goesOn) {
                own.immediateExit(true); // completes the access by which the guest ended
                KvmExit _ = own.run();
                own.immediateExit(false);
                lock.lock();
                try {
                    stalled = true;
                } finally {
                    lock.unlock();
                }
                return;
            }
        }
    }

    private boolean failed(KvmVcpu own, Exception e) {
        try {
            return handler.handle(id, own, new KvmExit.Failure(e.toString()));
        } catch (IOException | RuntimeException again) {
            e.addSuppressed(again);
            throw new AssertionError(e);
        }
    }
}
