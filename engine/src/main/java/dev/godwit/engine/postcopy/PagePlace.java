package dev.godwit.engine.postcopy;

/**
 * A page's place in a guest.
 *
 * @param blockIndex of its block in the layout
 * @param page its number in the block; whether of 4096 bytes or a host page, the user says
 */
public record PagePlace(int blockIndex, long page) {}
