package dev.godwit.engine.postcopy;

/** How much of a guest's RAM is brought to it that it has not asked for, as users name it. */
public enum Residency {
    /** Nothing: its destination holds what it has touched, and no more. */
    NONE("none"),
    /** A little at a time: {@link PushPace#TRICKLE_BYTES_PER_SECOND}. */
    TRICKLE("trickle"),
    /** All of it, as fast as it goes. */
    FULL("full");

    private final String optionName;

    Residency(String optionName) {
        this.optionName = optionName;
    }

    /** {@return the name on the command line} */
    public String optionName() {
        return optionName;
    }

    /**
     * {@return the residency of this name}
     *
     * @throws IllegalArgumentException if there is none; the message names those that there are
     */
    public static Residency parse(String optionName) {
        for (Residency residency : values()) {
            if (residency.optionName.equals(optionName)) {
                return residency;
            }
        }
        throw new IllegalArgumentException("'" + optionName + "' is no residency; there are none, trickle and full");
    }

    @Override
    public String toString() {
        return optionName;
    }
}
