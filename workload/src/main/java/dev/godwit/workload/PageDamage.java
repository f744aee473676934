package dev.godwit.workload;

import dev.godwit.ram.Page;

/**
 * A page that is not what it must be.
 *
 * @param kind in which way
 * @param blockId the block
 * @param page its number in the block
 * @param generation how often the program had written it
 * @param found what was there instead, for people
 */
public record PageDamage(DamageKind kind, String blockId, long page, long generation, String found) {

    @Override
    public String toString() {
        return "%s page %d (offset 0x%x): expected version %d, found %s"
                .formatted(blockId, page, page * Page.SIZE_BYTES, generation, found);
    }
}
