package dev.godwit.linux.kvm;

/**
 * What a vCPU answers to the CPUID instruction for one leaf.
 *
 * @param function the leaf (EAX)
 * @param index the subleaf (ECX), where {@code isIndexed}
 * @param isIndexed whether the answer depends on the subleaf
 * @param eax the answer's EAX
 * @param ebx the answer's EBX
 * @param ecx the answer's ECX
 * @param edx the answer's EDX
 */
public record CpuidEntry(int function, int index, boolean isIndexed, int eax, int ebx, int ecx, int edx) {

    /** {@return the same leaf with another answer} */
    public CpuidEntry answering(int newEax, int newEbx, int newEcx, int newEdx) {
        return new CpuidEntry(function, index, isIndexed, newEax, newEbx, newEcx, newEdx);
    }
}
