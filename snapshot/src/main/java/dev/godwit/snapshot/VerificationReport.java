package dev.godwit.snapshot;

import java.util.List;

/**
 * What a verification found.
 *
 * @param kind what the file is
 * @param scope how far it could be checked
 * @param presentPages how many pages are present
 * @param checkedPages how many of them were held against their checksums
 * @param damagedPages how many of them are wrong
 * @param damageCount how many damages there are in all
 * @param damages the first of them, in the order of the file
 */
public record VerificationReport(
        Snapshot.Kind kind,
        Scope scope,
        long presentPages,
        long checkedPages,
        long damagedPages,
        long damageCount,
        List<Damage> damages) {

    /** How far a file can be checked. */
    public enum Scope {
        /** Every byte: Godwit's trailer is there. */
        EVERY_BYTE,
        /** The structure only: without Godwit's trailer nothing says what a page should hold. */
        STRUCTURE
    }

    /** Copies the list. */
    public VerificationReport {
        damages = List.copyOf(damages);
    }

    /** {@return whether nothing is wrong, as far as it was checked} */
    public boolean isWhole() {
        return damageCount == 0;
    }
}
