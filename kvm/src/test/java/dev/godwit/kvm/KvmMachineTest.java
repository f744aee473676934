package dev.godwit.kvm;

import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The machine with a real guest that checks its own memory. */
class KvmMachineTest {

    private static final long RAM_BYTES = 8L << 20;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void a_guest_boots_on_all_vcpus_and_finds_its_memory_right(int vcpus) throws Exception {
        try (TestGuest guest = TestGuest.create(
                RAM_BYTES, TestGuest.memoryGuest("pages=16 report=32").withVcpus(vcpus))) {
            guest.machine.resume();
            guest.awaitAll(IntStream.range(0, vcpus)
                    .mapToObj("OK vcpu %d rounds 32"::formatted)
                    .toList());
        }
    }
}
