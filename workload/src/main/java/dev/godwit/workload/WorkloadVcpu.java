package dev.godwit.workload;

import dev.godwit.linux.Threads;
import dev.godwit.ram.GuestMemory;
import java.lang.foreign.Arena;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU: makes one step of the program after the other while the gate is open. A step checks a page and writes its
 * next version; the vCPU stops between steps only, so that a page is never half written while it stands.
 */
final class WorkloadVcpu implements Runnable {

    private final int index;
    private final WorkloadMachine machine;
    private final VcpuGate gate;
    private final GuestMemory memory;
    private final Arena arena;
    private final boolean selfCheck;
    private final DamageLog damages = new DamageLog();
    private final Pacing pacing = new Pacing();
    private PageVersions versions;
    private PageWriter writer;
    private PageCheck check;
    private volatile int threadId;
    private volatile long longestStepNs;
    private volatile @Nullable Throwable failure;

    WorkloadVcpu(int index, WorkloadMachine machine, VcpuGate gate, Arena arena, boolean selfCheck) {
        this.index = index;
        this.machine = machine;
        this.gate = gate;
        this.memory = machine.memory();
        this.arena = arena;
        this.selfCheck = selfCheck;
        this.versions = machine.guest().versions();
        this.writer = new PageWriter(memory, versions, arena);
        this.check = new PageCheck(memory, versions, arena);
    }

    @Override
    public void run() {
        threadId = Threads.currentId();
        try {
            while (gate.waitUntilOpen()) {
                pacing.restart(System.nanoTime());
                runUntilShut(machine.guest());
            }
        } catch (Throwable e) {
            failure = e; // told by the next pause
        } finally {
            gate.leave();
        }
    }

    private void runUntilShut(Guest guest) {
        if (guest.versions() != versions) {
            versions = guest.versions();
            writer = new PageWriter(memory, versions, arena);
            check = new PageCheck(memory, versions, arena);
        }
        while (gate.isOpen()) {
            long nowNs = System.nanoTime();
            long idleNs = pacing.idleNs(nowNs, machine.pagesPerSecondOfEach(), machine.throttlePercentage());
            if (idleNs > 0) {
                gate.idle(idleNs);
            } else {
                step(guest.program());
                long tookNs = System.nanoTime() - nowNs;
                if (tookNs > longestStepNs) {
                    longestStepNs = tookNs;
                }
            }
        }
    }

    private void step(Program program) {
        Epoch epoch = program.current();
        long step = epoch.steps(index);
        long workingSetIndex = epoch.indexAt(index, step);
        int block = epoch.workingSet().blockOf(workingSetIndex);
        long page = epoch.workingSet().pageOf(workingSetIndex, block);
        long generation = program.writesBefore(block, page) + epoch.earlierWrites(index, step);
        if (selfCheck) {
            check.check(block, page, generation).ifPresent(damages::add);
        }
        writer.write(block, page, generation + 1);
        epoch.setSteps(index, step + 1);
    }

    /** {@return its thread, as the kernel numbers threads} */
    int threadId() {
        return threadId;
    }

    DamageLog damages() {
        return damages;
    }

    /** {@return how long its slowest step took, checks and page faults included} */
    long longestStepNs() {
        return longestStepNs;
    }

    void forgetLongestStep() {
        longestStepNs = 0;
    }

    /** {@return why it ended, where it should not have} */
    Optional<Throwable> failure() {
        return Optional.ofNullable(failure);
    }
}
