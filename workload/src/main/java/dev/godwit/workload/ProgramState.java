package dev.godwit.workload;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The program and its position as device state, from which a destination knows every page. All numbers are big-endian.
 *
 * <table>
 * <caption>{@code godwit/workload}, version 1, once</caption>
 * <tr><th>type</th><th>field</th><th>holds</th></tr>
 * <tr><td>uint64</td><td>seed</td><td>any number</td></tr>
 * <tr><td>uint8</td><td>content</td><td>0 random, 1 compressible</td></tr>
 * <tr><td>uint8</td><td>zero_percentage</td><td>0 to 100</td></tr>
 * <tr><td>uint32</td><td>write_bytes</td><td>64 to 4096, a power of two</td></tr>
 * <tr><td>uint32</td><td>vcpus</td><td>1 to 255</td></tr>
 * <tr><td>uint32</td><td>loads</td><td>how often {@code godwit/workload-load} follows, 1 to 64</td></tr>
 * <tr><td>uint64</td><td>layout</td><td>a hash of the blocks' names and lengths, and which are written</td></tr>
 * </table>
 *
 * <table>
 * <caption>{@code godwit/workload-load}, version 1, an instance for each stretch of the program</caption>
 * <tr><th>type</th><th>field</th><th>holds</th></tr>
 * <tr><td>uint8</td><td>pattern</td><td>0 sequential, 1 random, 2 zipf</td></tr>
 * <tr><td>uint64</td><td>pages_per_second</td><td>2^64 - 1 for no limit</td></tr>
 * <tr><td>uint64</td><td>working_set_bytes</td><td>0 for all that is writable</td></tr>
 * <tr><td>uint8</td><td>hot_write_percentage</td><td>0 to 99</td></tr>
 * <tr><td>uint8</td><td>hot_set_percentage</td><td>1 to 99</td></tr>
 * </table>
 *
 * <table>
 * <caption>{@code godwit/workload-cpu}, version 1, an instance for each vCPU</caption>
 * <tr><th>type</th><th>field</th><th>holds</th></tr>
 * <tr><td>uint64</td><td>steps_0 …</td><td>the steps made in each stretch, at most 2^55</td></tr>
 * </table>
 */
final class ProgramState {

    private static final String PROGRAM = "godwit/workload";
    private static final String LOAD = "godwit/workload-load";
    private static final String CPU = "godwit/workload-cpu";

    private ProgramState() {}

    /** {@return the state of a program that stands still; the last stretch with the load as it is now} */
    static MachineState save(Program program, WorkloadLoad currentLoad) {
        List<DeviceState> devices = new ArrayList<>();
        devices.add(DeviceState.of(PROGRAM, 0, 1)
                .uint64("seed", program.seed())
                .uint8("content", numberOf(program.making().content()))
                .uint8("zero_percentage", program.making().zeroPercentage())
                .uint32("write_bytes", program.making().writeBytes())
                .uint32("vcpus", program.vcpus())
                .uint32("loads", program.epochs().size())
                .uint64("layout", layoutHash(program))
                .build());
        for (int index = 0; index < program.epochs().size(); index++) {
            Epoch epoch = program.epochs().get(index);
            devices.add(load(index, epoch == program.current() ? currentLoad : epoch.load()));
        }
        for (int vcpu = 0; vcpu < program.vcpus(); vcpu++) {
            DeviceState.Builder cpu = DeviceState.of(CPU, vcpu, 1);
            for (int index = 0; index < program.epochs().size(); index++) {
                cpu.uint64("steps_" + index, program.epochs().get(index).steps(vcpu));
            }
            devices.add(cpu.build());
        }
        return new MachineState(devices);
    }

    private static DeviceState load(int index, WorkloadLoad load) {
        return DeviceState.of(LOAD, index, 1)
                .uint8("pattern", numberOf(load.pattern()))
                .uint64("pages_per_second", load.pagesPerSecond())
                .uint64("working_set_bytes", load.workingSetBytes())
                .uint8("hot_write_percentage", load.hotWritePercentage())
                .uint8("hot_set_percentage", load.hotSetPercentage())
                .build();
    }

    /**
     * {@return the program of a state, at its position}
     *
     * @param here the program of the machine that is to go on with it: its RAM and vCPUs have to be the same
     * @throws IOException if they are not, or the state is damaged
     */
    static Program load(MachineState state, Program here) throws IOException {
        DeviceState saved = state.device(PROGRAM, 0).atMostVersion(1);
        int vcpus = saved.uint32("vcpus");
        if (vcpus != here.vcpus()) {
            throw refused("vcpus", "%d, as this machine has".formatted(here.vcpus()), vcpus);
        }
        if (saved.uint64("layout") != layoutHash(here)) {
            throw refused("layout", "RAM blocks as this machine has, " + here.layout(), "others");
        }
        int loads = saved.uint32("loads");
        if (loads < 1 || loads > Program.MAX_EPOCHS) {
            throw refused("loads", "1 to " + Program.MAX_EPOCHS, loads);
        }
        try {
            Program program = new Program(
                    here.layout(), here.readOnlyBlocks(), saved.uint64("seed"), making(saved), vcpus, List.of());
            List<Epoch> epochs = new ArrayList<>();
            for (int index = 0; index < loads; index++) {
                epochs.add(program.epoch(index, load(state, index)));
            }
            loadSteps(state, vcpus, epochs);
            return program.withEpochs(epochs);
        } catch (IllegalArgumentException e) {
            throw new IOException(PROGRAM + ": " + e.getMessage(), e);
        }
    }

    private static PageMaking making(DeviceState saved) throws IOException {
        WorkloadContent content = switch ((int) saved.number("content", "uint8")) {
            case 0 -> WorkloadContent.RANDOM;
            case 1 -> WorkloadContent.COMPRESSIBLE;
            default -> throw refused("content", "0 or 1", saved.number("content", "uint8"));
        };
        return new PageMaking(content, (int) saved.number("zero_percentage", "uint8"), saved.uint32("write_bytes"));
    }

    private static WorkloadLoad load(MachineState state, int index) throws IOException {
        DeviceState saved = state.device(LOAD, index).atMostVersion(1);
        WorkloadPattern pattern = switch ((int) saved.number("pattern", "uint8")) {
            case 0 -> WorkloadPattern.SEQUENTIAL;
            case 1 -> WorkloadPattern.RANDOM;
            case 2 -> WorkloadPattern.ZIPF;
            default -> throw refused("pattern", "0 to 2", saved.number("pattern", "uint8"));
        };
        return new WorkloadLoad(
                saved.uint64("pages_per_second"),
                pattern,
                saved.uint64("working_set_bytes"),
                (int) saved.number("hot_write_percentage", "uint8"),
                (int) saved.number("hot_set_percentage", "uint8"));
    }

    private static void loadSteps(MachineState state, int vcpus, List<Epoch> epochs) throws IOException {
        for (int vcpu = 0; vcpu < vcpus; vcpu++) {
            DeviceState cpu = state.device(CPU, vcpu).atMostVersion(1);
            for (int index = 0; index < epochs.size(); index++) {
                long steps = cpu.uint64("steps_" + index);
                if (steps < 0 || steps > VcpuSequence.MAX_STEPS) {
                    throw refused("steps_" + index, "at most " + VcpuSequence.MAX_STEPS, Long.toUnsignedString(steps));
                }
                epochs.get(index).setSteps(vcpu, steps);
            }
        }
    }

    private static long layoutHash(Program program) {
        long hash = 0;
        for (RamBlock block : program.layout().blocks()) {
            for (char letter : block.id().toCharArray()) {
                hash = Mixing.mix(hash, letter);
            }
            hash = Mixing.mix(
                    hash, block.lengthBytes(), program.readOnlyBlocks().contains(block.id()) ? 1 : 0);
        }
        return hash;
    }

    private static int numberOf(WorkloadContent content) {
        return switch (content) {
            case RANDOM -> 0;
            case COMPRESSIBLE -> 1;
        };
    }

    private static int numberOf(WorkloadPattern pattern) {
        return switch (pattern) {
            case SEQUENTIAL -> 0;
            case RANDOM -> 1;
            case ZIPF -> 2;
        };
    }

    private static IOException refused(String field, String expected, Object found) {
        return new IOException("%s: expected %s in field %s, found %s".formatted(PROGRAM, expected, field, found));
    }
}
