package dev.godwit.engine.machine;

import dev.godwit.ram.GuestMemory;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * A virtual machine in this process whose memory can be moved and kept: the KVM machine, the workload machine, or any
 * program's own off-heap memory.
 *
 * <p>A machine is made paused. {@link #pause}, {@link #resume}, {@link #save} and {@link #load} are called by one
 * thread at a time, its owner; {@link #memory} and {@link #throttle} by any.
 */
public interface Machine extends AutoCloseable {

    /**
     * {@return the machine type that stands in the stream, with its version; source and destination must have the same}
     */
    String type();

    /** {@return who this guest is, where it has been given an identity} */
    Optional<UUID> uuid();

    /** {@return its RAM, mapped until {@link #close}} */
    GuestMemory memory();

    /** {@return the ids of the blocks that its guest cannot write, as a ROM is; they are not tracked} */
    default Set<String> readOnlyBlocks() {
        return Set.of();
    }

    /**
     * {@return whether the kernel writes its RAM on its behalf: vCPUs of KVM, or system calls that read into it} Where
     * none do, writes can be tracked with fewer rights; where it is wrongly said, those writes fail while they are.
     */
    default boolean isWrittenByKernel() {
        return true;
    }

    /** {@return how many vCPUs it has, at least 1} */
    int vcpus();

    /**
     * Starts to record which pages the guest writes. Writes from before this call are not in the log.
     *
     * @param method how, in the words of {@link #dirtyLogMethods()}
     * @return the log, to be closed by the caller; a machine has one at a time
     * @throws IOException if the kernel refuses it; the guest is as it was
     */
    DirtyLog startDirtyLog(String method) throws IOException;

    /** {@return the ways this host has for {@link #startDirtyLog}, the best one first; at least one} */
    List<String> dirtyLogMethods();

    /**
     * Stops every vCPU. When this returns, none runs, and all that they wrote is in memory and in the dirty log. Does
     * nothing where it is paused already.
     */
    void pause() throws IOException;

    /** Lets every vCPU run on. Does nothing where they run already. */
    void resume() throws IOException;

    /** {@return whether its vCPUs run} */
    boolean isRunning();

    /**
     * {@return everything of a paused machine but its RAM} The machine is as it was and may be resumed.
     *
     * @throws IllegalStateException if it runs
     * @throws IOException if the kernel refuses to give it
     */
    MachineState save() throws IOException;

    /**
     * Puts a paused machine into a saved state; its RAM has been brought already, or follows.
     *
     * @throws IllegalStateException if it runs
     * @throws IOException if the state is not one that this machine on this host can take, with what was expected and
     *     found; the machine is then of no more use
     */
    void load(MachineState state) throws IOException;

    /**
     * Slows the vCPUs down, for a guest that dirties memory faster than it can be sent.
     *
     * @param percentage the share of time for which each vCPU sleeps, 0 (none) to 99
     */
    void throttle(int percentage);

    /** {@return how long its vCPUs have run on this host's processors, in ns; 0 where it does not know} */
    default long vcpuTimeNs() {
        return 0;
    }

    /** {@return how long this process has run on this host's processors, its vCPUs included, in ns} */
    default long processTimeNs() {
        return ProcessHandle.current()
                .info()
                .totalCpuDuration()
                .map(Duration::toNanos)
                .orElse(0L);
    }

    /**
     * {@return the threads of the vCPUs in their order, as the kernel numbers threads; empty where they are none of
     * this process's} From any thread.
     */
    default List<Integer> vcpuThreadIds() {
        return List.of();
    }

    /**
     * The guest is over: no vCPU makes another step of it, ever. Does not wait for those that wait for a page; only
     * {@link #close} is to be called afterwards. From any thread. A machine whose guest never comes by postcopy need
     * not do anything.
     */
    default void halt() {}

    /** Ends the machine: joins its vCPUs, then unmaps its memory. */
    @Override
    void close() throws IOException;
}
