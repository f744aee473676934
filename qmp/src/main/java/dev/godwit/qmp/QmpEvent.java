package dev.godwit.qmp;

/**
 * An event that QEMU reported by itself.
 *
 * @param name such as {@code STOP} or {@code MIGRATION}
 * @param data what came with it; empty if nothing
 * @param timestampUs microseconds since 1970 on QEMU's clock, or -1 where QEMU had none
 */
public record QmpEvent(String name, JsonObject data, long timestampUs) {}
