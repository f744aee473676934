package dev.godwit.linux.kvm;

/**
 * A model-specific register.
 *
 * @param index its number, as in RDMSR's ECX
 * @param value what it holds
 */
public record Msr(int index, long value) {}
