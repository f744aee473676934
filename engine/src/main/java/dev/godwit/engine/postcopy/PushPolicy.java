package dev.godwit.engine.postcopy;

/** The orders by which pages can be pushed, as users name them. */
public enum PushPolicy {
    /** From the first page to the last. */
    LINEAR("linear"),
    /** On from each page that is asked for, as QEMU does. */
    FAULT_FORWARD("fault-forward"),
    /** What an earlier restore of the same guest asked for first, in its order, then fault-forward. */
    RECORDED("recorded");

    private final String optionName;

    PushPolicy(String optionName) {
        this.optionName = optionName;
    }

    /** {@return the name on the command line} */
    public String optionName() {
        return optionName;
    }

    /**
     * {@return the policy of this name}
     *
     * @throws IllegalArgumentException if there is none; the message names those that there are
     */
    public static PushPolicy parse(String optionName) {
        for (PushPolicy policy : values()) {
            if (policy.optionName.equals(optionName)) {
                return policy;
            }
        }
        throw new IllegalArgumentException(
                "'" + optionName + "' is no order; there are linear, fault-forward and recorded");
    }

    @Override
    public String toString() {
        return optionName;
    }
}
