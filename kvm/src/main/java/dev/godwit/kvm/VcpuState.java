package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.StateField;
import dev.godwit.linux.kvm.CpuidEntry;
import dev.godwit.linux.kvm.KvmStructure;
import dev.godwit.linux.kvm.KvmVcpu;
import dev.godwit.linux.kvm.Msr;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A vCPU's state, whole: device {@code godwit/cpu}, one instance a vCPU, version 1.
 *
 * <p>Fields: {@code cpuid} (buffer, see {@link CpuModel}), {@code tsc_khz}, the structures of KVM by their C names, the
 * XSAVE area {@code xsave} as the processor has it, and one {@code msr.XXXXXXXX} for each MSR that the source's kernel
 * names.
 *
 * <p>Order of saving: MP state first, because asking for it has the kernel act on INITs and SIPIs that wait, which
 * changes registers; then the events, because asking for them may put a waiting fault's address into CR2 and DR6; then
 * the rest, which changes nothing.
 *
 * <p>Order of restoring: CPUID and the TSC's frequency, on which all else depends; the system registers, for they say
 * in which mode the others are meant, and where the APIC is; general registers, XCRs and XSAVE; the MSRs; the local
 * APIC, which SREGS' base must enable first; the TSC deadline, which only counts in an APIC whose timer is in that
 * mode; debug registers; MP state; and the events last, because what is set before them may take one away.
 */
final class VcpuState {

    static final String IDSTR = "godwit/cpu";
    static final int VERSION = 1;

    private static final int MSR_TSC_DEADLINE = 0x6e0;
    private static final String MSR_PREFIX = "msr.";

    /** QEMU's rule: a clock that differs by more than 250 parts in a million is another clock. */
    private static final long TSC_TOLERANCE_PER_MILLION = 250;

    private VcpuState() {}

    /** {@return the state of a vCPU that does not run; called on its own thread} */
    static DeviceState save(KvmVcpu vcpu, int id, List<CpuidEntry> cpuid, List<Integer> msrIndexes) throws IOException {
        KvmStructure.Value mpState = vcpu.get(KvmStructure.MP_STATE);
        KvmStructure.Value events = vcpu.get(KvmStructure.VCPU_EVENTS);
        List<StateField> fields = new ArrayList<>();
        fields.add(new StateField("cpuid", "buffer", CpuModel.toBytes(cpuid)));
        fields.add(StructureFields.number("tsc_khz", 4, vcpu.tscKhz()));
        StructureFields.add(fields, "sregs", vcpu.get(KvmStructure.SREGS2));
        StructureFields.add(fields, "regs", vcpu.get(KvmStructure.REGS));
        StructureFields.add(fields, "xcrs", vcpu.get(KvmStructure.XCRS));
        fields.add(
                new StateField("xsave", "buffer", vcpu.get(KvmStructure.XSAVE).bytes()));
        for (Msr msr : vcpu.msrs(msrIndexes)) {
            fields.add(StructureFields.number(MSR_PREFIX + "%08x".formatted(msr.index()), 8, msr.value()));
        }
        StructureFields.add(fields, "lapic", vcpu.get(KvmStructure.LAPIC));
        StructureFields.add(fields, "debugregs", vcpu.get(KvmStructure.DEBUGREGS));
        StructureFields.add(fields, "mp_state", mpState);
        StructureFields.add(fields, "events", events);
        return new DeviceState(IDSTR, id, VERSION, fields);
    }

    /**
     * Puts a vCPU that never ran into a saved state; called on its own thread. Its CPUID has been set.
     *
     * @param canScaleTsc whether the host can run a TSC at another frequency than its own
     * @throws IOException if the kernel does not take a part of it, by its name
     */
    static void load(KvmVcpu vcpu, DeviceState state, boolean canScaleTsc) throws IOException {
        loadTscFrequency(vcpu, state.uint32("tsc_khz"), canScaleTsc);
        vcpu.set(StructureFields.read(state, "sregs", KvmStructure.SREGS2));
        vcpu.set(StructureFields.read(state, "regs", KvmStructure.REGS));
        vcpu.set(StructureFields.read(state, "xcrs", KvmStructure.XCRS));
        vcpu.set(KvmStructure.Value.of(KvmStructure.XSAVE, state.buffer("xsave", vcpu.xsaveBytes())));
        List<Msr> msrs = msrs(state);
        for (Msr msr : msrs) {
            if (msr.index() != MSR_TSC_DEADLINE) {
                loadMsr(vcpu, msr);
            }
        }
        vcpu.set(StructureFields.read(state, "lapic", KvmStructure.LAPIC));
        for (Msr msr : msrs) {
            if (msr.index() == MSR_TSC_DEADLINE) {
                loadMsr(vcpu, msr);
            }
        }
        vcpu.set(StructureFields.read(state, "debugregs", KvmStructure.DEBUGREGS));
        vcpu.set(StructureFields.read(state, "mp_state", KvmStructure.MP_STATE));
        vcpu.set(StructureFields.read(state, "events", KvmStructure.VCPU_EVENTS));
    }

    private static void loadTscFrequency(KvmVcpu vcpu, int savedKhz, boolean canScaleTsc) throws IOException {
        int ownKhz = vcpu.tscKhz();
        if (savedKhz == ownKhz) {
            return;
        }
        if (canScaleTsc) {
            vcpu.setTscKhz(savedKhz);
        } else if (Math.abs((long) savedKhz - ownKhz) * 1_000_000 > TSC_TOLERANCE_PER_MILLION * ownKhz) {
            throw new IOException(
                    "%s: the guest's time-stamp counter runs at %d kHz, this host's at %d, and it cannot scale it"
                            .formatted(IDSTR, savedKhz, ownKhz));
        }
    }

    private static List<Msr> msrs(DeviceState state) throws IOException {
        List<Msr> msrs = new ArrayList<>();
        for (StateField field : state.fields()) {
            if (field.name().startsWith(MSR_PREFIX)) {
                String index = field.name().substring(MSR_PREFIX.length());
                try {
                    msrs.add(new Msr(Integer.parseUnsignedInt(index, 16), state.uint64(field.name())));
                } catch (NumberFormatException e) {
                    throw new IOException("%s: expected an MSR's number, found %s".formatted(IDSTR, field.name()), e);
                }
            }
        }
        return msrs;
    }

    /**
     * An MSR that the kernel does not take matters only where the guest used it, and it does not hold the value anyway.
     */
    private static void loadMsr(KvmVcpu vcpu, Msr msr) throws IOException {
        if (!vcpu.setMsr(msr) && !vcpu.msrs(List.of(msr.index())).contains(msr) && msr.value() != 0) {
            throw new IOException("%s: this host's KVM does not take MSR 0x%x with the value 0x%x"
                    .formatted(IDSTR, msr.index(), msr.value()));
        }
    }
}
