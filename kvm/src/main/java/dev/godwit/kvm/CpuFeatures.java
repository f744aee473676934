package dev.godwit.kvm;

import dev.godwit.linux.kvm.CpuidEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The CPUID answers in which each bit is a feature, and what the features are called (Linux' names). */
final class CpuFeatures {

    private enum Register {
        EAX,
        EBX,
        ECX,
        EDX;

        int of(CpuidEntry entry) {
            return switch (this) {
                case EAX -> entry.eax();
                case EBX -> entry.ebx();
                case ECX -> entry.ecx();
                case EDX -> entry.edx();
            };
        }
    }

    /** A word of feature bits. */
    private record Word(int leaf, int subleaf, Register register) {}

    private static final List<Word> WORDS = List.of(
            new Word(1, 0, Register.ECX),
            new Word(1, 0, Register.EDX),
            new Word(7, 0, Register.EBX),
            new Word(7, 0, Register.ECX),
            new Word(7, 0, Register.EDX),
            new Word(7, 1, Register.EAX),
            new Word(7, 1, Register.EDX),
            new Word(0xd, 0, Register.EAX),
            new Word(0xd, 0, Register.EDX),
            new Word(0xd, 1, Register.EAX),
            new Word(0xd, 1, Register.ECX),
            new Word(0x80000001, 0, Register.ECX),
            new Word(0x80000001, 0, Register.EDX),
            new Word(0x80000007, 0, Register.EDX),
            new Word(0x80000008, 0, Register.EBX),
            new Word(0x80000021, 0, Register.EAX),
            new Word(0x40000001, 0, Register.EAX));

    /** Names by bit from 0; a dash where a bit has none. */
    private static final Map<Word, String[]> NAMES = Map.of(
            new Word(1, 0, Register.ECX),
            names("pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca "
                    + "sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave osxsave avx f16c rdrand "
                    + "hypervisor"),
            new Word(1, 0, Register.EDX),
            names("fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx "
                    + "fxsr sse sse2 ss ht tm ia64 pbe"),
            new Word(7, 0, Register.EBX),
            names("fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq "
                    + "rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni "
                    + "avx512bw avx512vl"),
            new Word(7, 0, Register.ECX),
            names("- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 shstk gfni vaes vpclmulqdq avx512_vnni "
                    + "avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - movdiri "
                    + "movdir64b enqcmd sgx_lc pks"),
            new Word(7, 0, Register.EDX),
            names("- - avx512_4vnniw avx512_4fmaps fsrm uintr - - avx512_vp2intersect - md_clear - - - serialize - "
                    + "tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 spec_ctrl "
                    + "intel_stibp flush_l1d arch_capabilities core_capabilities ssbd"),
            new Word(7, 1, Register.EAX),
            names("- - - - avx_vnni avx512_bf16"),
            new Word(0xd, 1, Register.EAX),
            names("xsaveopt xsavec xgetbv1 xsaves xfd"),
            new Word(0x80000001, 0, Register.ECX),
            names("lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit "
                    + "wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc "
                    + "perfctr_llc mwaitx"),
            new Word(0x80000001, 0, Register.EDX),
            names("fpu vme de pse tsc msr pae mce cx8 apic - syscall mtrr pge mca cmov pat pse36 - mp nx - mmxext mmx "
                    + "fxsr fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"),
            new Word(0x40000001, 0, Register.EAX),
            names("kvmclock nop_io_delay mmu_op kvmclock2 async_pf steal_time pv_eoi pv_unhalt - pv_tlb_flush "
                    + "async_pf_vmexit pv_send_ipi poll_control pv_sched_yield async_pf_int msi_ext_dest_id hc_map_gpa "
                    + "migration_control - - - - - - kvmclock_stable"));

    private CpuFeatures() {}

    private static String[] names(String words) {
        return words.split(" ", -1);
    }

    /** {@return the names of the features that one vCPU answers and the other does not} */
    static List<String> missing(List<CpuidEntry> wanted, List<CpuidEntry> offered) {
        List<String> missing = new ArrayList<>();
        for (Word word : WORDS) {
            int lacking = bits(wanted, word) & ~bits(offered, word);
            for (int bit = 0; bit < 32; bit++) {
                if ((lacking & (1 << bit)) != 0) {
                    missing.add(name(word, bit));
                }
            }
        }
        return missing;
    }

    private static int bits(List<CpuidEntry> entries, Word word) {
        for (CpuidEntry entry : entries) {
            if (entry.function() == word.leaf && entry.index() == word.subleaf) {
                return word.register.of(entry);
            }
        }
        return 0;
    }

    private static String name(Word word, int bit) {
        String[] names = Optional.ofNullable(NAMES.get(word)).orElse(new String[0]);
        return bit < names.length && !names[bit].equals("-")
                ? names[bit]
                : "CPUID 0x%x.%d %s bit %d".formatted(word.leaf, word.subleaf, word.register, bit);
    }
}
