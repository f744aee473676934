package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The machine with a real guest that checks its own memory. */
class KvmMachineTest {

    private static final long RAM_BYTES = 8L << 20;

    @TempDir
    Path folder;

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

    @Test
    void a_thousand_pauses_none_of_which_is_missed() throws Exception {
        long seed = 7;
        Random random = new Random(seed);
        try (TestGuest guest = TestGuest.create(
                RAM_BYTES, TestGuest.memoryGuest("pages=16 report=16").withVcpus(2))) {
            for (int i = 0; i < 1000; i++) {
                guest.machine.resume();
                assertThat(guest.machine.isRunning()).isTrue();
                LockSupport.parkNanos(random.nextInt(2_000_000)); // so that pauses fall anywhere, also before the run
                guest.machine.pause();
                assertThat(guest.machine.isRunning()).isFalse();
                if (i % 100 == 0) {
                    byte[] before = guest.machine.readRam(0, (int) RAM_BYTES);
                    byte[] after = guest.machine.readRam(0, (int) RAM_BYTES);
                    assertThat(Arrays.equals(before, after)).isTrue();
                }
            }
            guest.machine.resume();
            guest.awaitLine("OK");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void a_guest_moves_twenty_times_while_it_runs_and_finds_its_memory_right(int vcpus) throws Exception {
        KvmMachineOptions incoming = KvmMachineOptions.of(new Boot.Incoming()).withVcpus(vcpus);
        TestGuest guest = TestGuest.create(
                RAM_BYTES, TestGuest.memoryGuest("pages=32 report=8").withVcpus(vcpus));
        try {
            guest.machine.resume();
            for (int move = 0; move < 20; move++) {
                guest.awaitLine("OK vcpu " + (move % vcpus) + " rounds");
                guest = guest.move(incoming);
            }
            guest.awaitLine("OK vcpu 0 rounds");
            String line = guest.awaitLine("OK vcpu " + (vcpus - 1) + " rounds");
            assertThat(Integer.parseInt(line.substring(line.lastIndexOf(' ') + 1)))
                    .isPositive();
        } finally {
            guest.close();
        }
    }

    @Test
    void a_guest_that_resets_ends_its_machine() throws Exception {
        byte[] reset = {(byte) 0xb0, (byte) 0xfe, (byte) 0xe6, 0x64, (byte) 0xf4
        }; // mov $0xfe, %al; out %al, $0x64; hlt
        try (TestGuest guest = TestGuest.create(RAM_BYTES, flat(reset))) {
            guest.machine.resume();
            assertThat(guest.ends.take()).isEqualTo(new GuestEnd.Shutdown("a reset by the keyboard controller"));
            guest.machine.pause();
        }
    }

    @Test
    void a_triple_fault_ends_the_machine() throws Exception {
        byte[] fault = {0x0f, 0x0b}; // ud2, and there is no interrupt table
        try (TestGuest guest = TestGuest.create(RAM_BYTES, flat(fault))) {
            guest.machine.resume();
            assertThat(guest.ends.take()).isEqualTo(new GuestEnd.Shutdown("a triple fault of vCPU 0"));
            guest.machine.pause();
        }
    }

    @Test
    void a_string_of_port_accesses_is_complete_when_the_guest_is_paused() throws Exception {
        // mov $0x3f8, %edx; mov $0x100000, %esi; mov $5, %ecx; rep outsb; jmp back
        byte[] code = {
            (byte) 0xba,
            (byte) 0xf8,
            3,
            0,
            0,
            (byte) 0xbe,
            0x20,
            0,
            0x10,
            0,
            (byte) 0xb9,
            4,
            0,
            0,
            0,
            (byte) 0xf3,
            0x6e,
            (byte) 0xeb,
            (byte) 0xed
        };
        byte[] image = Arrays.copyOf(code, 0x24);
        System.arraycopy("abc\n".getBytes(StandardCharsets.US_ASCII), 0, image, 0x20, 4);
        KvmMachineOptions incoming = KvmMachineOptions.of(new Boot.Incoming());
        TestGuest guest = TestGuest.create(RAM_BYTES, flat(image));
        try {
            guest.machine.resume();
            for (int move = 0; move < 20; move++) {
                guest.awaitLine("abc");
                guest = guest.move(incoming);
            }
            assertThat(guest.lines.queue).allMatch("abc"::equals);
        } finally {
            guest.close();
        }
    }

    @Test
    void input_reaches_a_guest_that_waits_for_it() throws Exception {
        // wait: mov $0x3fd, %edx; in (%dx), %al; test $1, %al; je wait; mov $0xf8, %dl; in (%dx), %al; out %al, (%dx);
        // jmp wait
        byte[] echo = {
            (byte) 0xba,
            (byte) 0xfd,
            3,
            0,
            0,
            (byte) 0xec,
            (byte) 0xa8,
            1,
            0x74,
            (byte) 0xf6,
            (byte) 0xb2,
            (byte) 0xf8,
            (byte) 0xec,
            (byte) 0xee,
            (byte) 0xeb,
            (byte) 0xf0
        };
        try (TestGuest guest = TestGuest.create(RAM_BYTES, flat(echo))) {
            byte[] words = "is anybody there\n".getBytes(StandardCharsets.US_ASCII);
            assertThat(guest.machine.serialInput(words)).isEqualTo(words.length);
            guest.machine.resume();
            assertThat(guest.awaitLine("is anybody")).isEqualTo("is anybody there");
        }
    }

    @Test
    void a_throttled_guest_runs_on_slowly_and_can_be_paused() throws Exception {
        try (TestGuest guest = TestGuest.create(RAM_BYTES, TestGuest.memoryGuest("pages=16 report=8"))) {
            guest.machine.throttle(99);
            guest.machine.resume();
            guest.awaitLine("OK vcpu 0 rounds 8");
            for (int i = 0; i < 20; i++) {
                guest.machine.pause();
                guest.machine.resume();
            }
            guest.machine.throttle(0);
            guest.awaitLine("OK vcpu 0 rounds 64");
        }
    }

    private KvmMachineOptions flat(byte[] program) throws Exception {
        return KvmMachineOptions.of(new Boot.Flat(Files.write(folder.resolve("program"), program), ""));
    }
}
