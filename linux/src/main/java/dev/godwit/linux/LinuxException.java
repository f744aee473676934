package dev.godwit.linux;

import java.io.IOException;

/** A system call that failed. Its message is what was attempted and the kernel's own words. */
public final class LinuxException extends IOException {

    private static final long serialVersionUID = 1L;

    private final String call;
    private final int errnoCode;

    /**
     * A failure.
     *
     * @param call the call's name, for example {@code pwrite}
     * @param errno why the kernel refused
     * @param operands what it was asked, for people: a path, a position, a length
     */
    public LinuxException(String call, Errno errno, String operands) {
        super(call + " " + operands + ": " + errno);
        this.call = call;
        this.errnoCode = errno.code();
    }

    /**
     * {@return the result, which is not negative}
     *
     * @param call the call's name
     * @param result what it answered: minus errno where it failed
     * @param operands what it was asked; its words are only made for a failure
     * @throws LinuxException if the result is negative
     */
    public static long check(String call, long result, Object operands) throws LinuxException {
        if (result < 0) {
            throw new LinuxException(call, new Errno((int) -result), operands.toString());
        }
        return result;
    }

    /** {@return the name of the call that failed} */
    public String call() {
        return call;
    }

    /** {@return why the kernel refused} */
    public Errno errno() {
        return new Errno(errnoCode);
    }

    /** {@return whether there is no room left: a full disk, or a used-up quota} */
    public boolean isOutOfSpace() {
        return errnoCode == Errno.ENOSPC.code() || errnoCode == Errno.EDQUOT.code();
    }
}
