package dev.godwit.kvm;

import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Auto-converge's brake (qemu-migration specification section 8.4): every 10 / (1 - p) ms each vCPU sleeps for p / (1 -
 * p) × 10 ms, so that it runs for 10 ms and is asleep for the share p of the time. A thread of its own, named
 * {@code cpu-throttle}, keeps the time; it lives only while there is something to brake.
 */
final class CpuThrottle {

    private static final long SLICE_NS = 10_000_000;

    private final List<VcpuThread> vcpus;
    private Thread timer =
            Thread.currentThread(); // guarded by the monitor; what it is while the share is 0 is not used
    private volatile int percentage;

    CpuThrottle(List<VcpuThread> vcpus) {
        this.vcpus = vcpus;
    }

    synchronized void set(int newPercentage) {
        int old = percentage;
        percentage = newPercentage;
        if (old == 0 && newPercentage > 0) {
            timer = Thread.ofPlatform().name("cpu-throttle").daemon(true).start(this::keepTime);
        } else if (old > 0 && newPercentage == 0) {
            LockSupport.unpark(timer);
        }
    }

    /** {@return for how long a vCPU sleeps at a time, in ns} */
    static long sleepNs(int percentage) {
        return SLICE_NS * percentage / (100 - percentage);
    }

    private void keepTime() {
        Thread own = Thread.currentThread();
        while (isMine(own)) {
            long sleepNs = sleepNs(percentage);
            if (sleepNs > 0) {
                vcpus.forEach(vcpu -> vcpu.sleep(sleepNs));
            }
            LockSupport.parkNanos(SLICE_NS + sleepNs);
        }
    }

    private synchronized boolean isMine(Thread own) {
        return percentage > 0 && timer.equals(own);
    }
}
