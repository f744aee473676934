package dev.godwit.qmp;

/**
 * Whether the guest runs, as {@code query-status} tells it.
 *
 * @param running whether its vCPUs run
 * @param status QEMU's word: {@code running}, {@code paused}, {@code inmigrate}, {@code postmigrate} and so on
 */
public record RunState(boolean running, String status) {}
