package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.kvm.Boot;
import dev.godwit.kvm.GuestEnd;
import dev.godwit.kvm.KvmMachine;
import dev.godwit.kvm.KvmMachineOptions;
import dev.godwit.linux.Kvm;
import dev.godwit.linux.Mapping;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.testkit.Peers;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * memtest86+ as a guest, by the Linux boot protocol. It writes its screen to 0xb8000, which is RAM here and is read
 * from there. Where KVM emulates guests in software, it needs a CPUID vendor other than AMD: for AMD's it reads
 * registers that the emulator lacks.
 */
class Memtest86Test {

    private static final long RAM_BYTES = 6L << 20;
    private static final long SCREEN_GPA = 0xb8000;
    private static final int COLUMNS = 80;
    private static final int ROWS = 25;
    private static final Duration PATIENCE = Duration.ofMinutes(15);
    private static final Pattern ERRORS = Pattern.compile("Errors:\\s*(\\d+)");
    private static final Pattern TEST = Pattern.compile("#(\\d+)");

    private final BlockingQueue<GuestEnd> ends = new LinkedBlockingQueue<>();
    private Optional<KvmMachine> machine = Optional.empty();

    @BeforeEach
    void boot() throws IOException {
        assumeThat(Kvm.probe())
                .as("there is no KVM here for this user: memtest86+ does not run on the KVM machine")
                .isInstanceOf(Kvm.Support.Available.class);
        String commandLine = "nosmp nobench nosm nopause nobigstatus keyboard=legacy console=ttyS0,115200";
        machine = Optional.of(create(new Boot.Linux(Peers.memtest86(), Optional.empty(), commandLine)));
        machine().resume();
    }

    @AfterEach
    void close() throws IOException {
        if (machine.isPresent()) {
            machine().close();
        }
    }

    private KvmMachine machine() {
        return machine.orElseThrow();
    }

    private KvmMachine create(Boot boot) throws IOException {
        Mapping ram = Mapping.anonymous(RAM_BYTES);
        GuestMemory memory = new GuestMemory(
                new RamLayout(List.of(new RamBlock(KvmMachine.RAM_BLOCK_ID, RAM_BYTES))),
                List.of(ram.memory()),
                List.of((long) Page.SIZE_BYTES));
        KvmMachineOptions options =
                KvmMachineOptions.of(boot).withCpuidVendor("GenuineIntel").withOnEnd(ends::add);
        return KvmMachine.create(options, memory, ram);
    }

    /** Moves the guest to another machine, where it goes on. */
    private void move() throws IOException {
        machine().pause();
        MachineState state = machine().save();
        KvmMachine next = create(new Boot.Incoming());
        next.memory().block(0).copyFrom(machine().memory().block(0));
        machine().close();
        machine = Optional.of(next);
        next.load(state);
        next.resume();
    }

    @Test
    void memtest86_finds_no_error_while_it_is_moved_and_a_flipped_bit_afterwards() throws Exception {
        await(() -> test() >= 0, "the first test");
        for (int move = 0; move < 5; move++) {
            String seen = screen();
            await(() -> !screen().equals(seen), "the screen to change");
            move();
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
            byte[] one = machine().readRam(gpa, 1);
            one[0] ^= 4;
            machine().writeRam(gpa, one);
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
        byte[] cells = machine().readRam(SCREEN_GPA, COLUMNS * ROWS * 2);
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
            assertThat(ends).as(what + "\n" + screen()).isEmpty();
            assertThat(System.nanoTime()).as(what + "\n" + screen()).isLessThan(deadlineNs);
            Thread.sleep(500); // the guest's screen tells nobody that it changed
        }
    }
}
