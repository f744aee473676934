package dev.godwit.host;

import dev.godwit.engine.postcopy.PostcopyRam.FaultListener;
import dev.godwit.linux.EventFd;
import dev.godwit.linux.FaultEvents;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Poll;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.ram.GuestMemory;
import java.io.IOException;
import java.lang.System.Logger.Level;

/** A thread that reads a userfaultfd, named {@code fault}, and tells where pages are waited for. */
final class FaultThread {

    /** Hears of faults, on this thread. */
    interface AddressListener {
        /**
         * A thread waits for a page.
         *
         * @param address where, in the process whose userfaultfd it is
         * @param threadId who, or 0
         */
        void fault(long address, int threadId);
    }

    private static final int EVENTS_AT_ONCE = 64;

    private final Userfaultfd faults;
    private final AddressListener listener;
    private final EventFd wakeUp;
    private final Thread thread = Thread.ofPlatform().name("fault").daemon(true).unstarted(this::run);
    private volatile boolean ended;

    private FaultThread(Userfaultfd faults, AddressListener listener, EventFd wakeUp) {
        this.faults = faults;
        this.listener = listener;
        this.wakeUp = wakeUp;
    }

    /** Starts one for the memory of this process. */
    static FaultThread start(Userfaultfd faults, GuestMemory memory, FaultListener listener) throws IOException {
        return start(faults, (address, threadId) -> {
            for (int block = 0; block < memory.blocks().size(); block++) {
                long offsetBytes = address - memory.hostAddress(block, 0);
                if (offsetBytes >= 0 && offsetBytes < memory.block(block).byteSize()) {
                    listener.fault(block, offsetBytes & -memory.hostPageBytes().get(block), threadId);
                    return;
                }
            }
            throw new IllegalStateException("a fault outside of the guest's memory, at " + Long.toHexString(address));
        });
    }

    static FaultThread start(Userfaultfd faults, AddressListener listener) throws IOException {
        FaultThread started = new FaultThread(faults, listener, EventFd.create());
        started.thread.start();
        return started;
    }

    private void run() {
        try (FaultEvents events = new FaultEvents(EVENTS_AT_ONCE)) {
            while (!ended) {
                int count = faults.read(events);
                for (int index = 0; index < count; index++) {
                    if (events.isPageFault(index)) {
                        listener.fault(events.address(index), events.threadId(index));
                    }
                }
                if (count == 0) {
                    faults.await(wakeUp, Poll.FOREVER);
                }
            }
        } catch (LinuxException | RuntimeException | Error e) {
            System.getLogger("dev.godwit.host")
                    .log(
                            Level.ERROR,
                            "Page faults are not heard any more; whoever waits for a page has it when the source sends"
                                    + " it by itself: " + e,
                            e);
        }
    }

    /** Ends it, and waits for that unless it is the caller. */
    void end() {
        ended = true;
        try {
            wakeUp.signal();
        } catch (LinuxException e) {
            throw new IllegalStateException("an event descriptor of our own cannot be signalled", e);
        }
        boolean interrupted = false;
        while (thread.isAlive() && !thread.equals(Thread.currentThread())) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // the descriptor may not go before it
            }
        }
        wakeUp.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
