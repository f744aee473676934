package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.testkit.Peers;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * memtest86+ as a guest, by the Linux boot protocol. It writes its screen to 0xb8000, which is RAM here and is read from
 * there. Where KVM emulates guests in software, it needs a CPUID vendor other than AMD: for AMD's it reads registers that
 * the emulator lacks.
 */
class Memtest86Test {

    private static final long RAM_BYTES = 6L << 20;
    private static final long SCREEN_GPA = 0xb8000;
    private static final int COLUMNS = 80;
    private static final int ROWS = 25;
    private static final Duration PATIENCE = Duration.ofMinutes(15);
    private static final Pattern ERRORS = Pattern.compile("Errors:\\s*(\\d+)");
    private static final Pattern TEST = Pattern.compile("#(\\d+)");

    private Optional<TestGuest> guest = Optional.empty();

    @BeforeEach
    void boot() throws IOException {
        TestGuest.assumeKvm();
        Path memtest = Peers.memtest86();
        guest = Optional.of(TestGuest.create(
                RAM_BYTES,
                KvmMachineOptions.of(new Boot.Linux(
                                memtest,
                                Optional.empty(),
                                "nosmp nobench nosm nopause nobigstatus keyboard=legacy console=ttyS0,115200"))
                        .withCpuidVendor("GenuineIntel")));
        guest().machine.resume();
    }

    @AfterEach
    void close() throws IOException {
        if (guest.isPresent()) {
            guest().close();
        }
    }

    private TestGuest guest() {
        return guest.orElseThrow();
    }

    @Test
    void memtest86_finds_no_error_while_it_is_moved_and_a_flipped_bit_afterwards() throws Exception {
        await(() -> test() >= 0, "the first test");
        KvmMachineOptions incoming = KvmMachineOptions.of(new Boot.Incoming());
        for (int move = 0; move < 5; move++) {
            String seen = screen();
            await(() -> !screen().equals(seen), "the screen to change");
            guest = Optional.of(guest().move(incoming));
        }
        int reached = test();
        await(() -> test() > reached, "a test after the moves");
        assertThat(errors()).isZero();
        await(
                () -> {
                    flip();
                    return errors() > 0;
                },
                "the flipped bits to be found");
    }

    /**
     * Flips bits as damaged memory would, far from where the program keeps itself; again and again, because what tests
     * the page next writes it first.
     */
    private void flip() {
        for (long gpa = 3 << 20; gpa < 4 << 20; gpa += 64 << 10) {
            byte[] one = guest().machine.readRam(gpa, 1);
            one[0] ^= 4;
            guest().machine.writeRam(gpa, one);
        }
    }

    private int errors() {
        Matcher found = ERRORS.matcher(screen());
        return found.find() ? Integer.parseInt(found.group(1)) : 0;
    }

    private int test() {
        Matcher found = TEST.matcher(screen());
        return found.find() ? Integer.parseInt(found.group(1)) : -1;
    }

    private String screen() {
        byte[] cells = guest().machine.readRam(SCREEN_GPA, COLUMNS * ROWS * 2);
        StringBuilder text = new StringBuilder();
        for (int row = 0; row < ROWS; row++) {
            for (int column = 0; column < COLUMNS; column++) {
                char letter = (char) (cells[(row * COLUMNS + column) * 2] & 0xff);
                text.append(letter >= ' ' && letter < 0x7f ? letter : ' ');
            }
            text.append('\n');
        }
        return text.toString();
    }

    private void await(BooleanSupplier condition, String what) throws InterruptedException {
        long deadlineNs = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(guest().ends).as(what + "\n" + screen()).isEmpty();
            assertThat(System.nanoTime()).as(what + "\n" + screen()).isLessThan(deadlineNs);
            Thread.sleep(500); // the guest's screen tells nobody that it changed
        }
    }
}
