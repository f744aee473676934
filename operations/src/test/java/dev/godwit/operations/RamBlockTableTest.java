package dev.godwit.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class RamBlockTableTest {

    /** As QEMU 10.0.2 writes it; 7.2 has neither of the last two columns. */
    private static final String TEXT = """
                      Block Name    PSize              Offset               Used              Total                HVA  RO
                              m0    2 MiB  0x0000000000000000 0x0000000008000000 0x0000000008000000 0x00007f2a4be00000  rw
            /rom@etc/acpi/tables    4 KiB  0x00000000080c0000 0x0000000000020000 0x0000000000200000 0x00007f2a47a00000  ro
            0000:00:02.0/vga rom    4 KiB  0x00000000082c0000 0x0000000000010000 0x0000000000010000
            """;

    private static List<Long> under(String id, long lengthBytes) throws IOException {
        return RamBlockTable.parse(TEXT).hostPagesUnder(new RamLayout(List.of(new RamBlock(id, lengthBytes))));
    }

    @Test
    void blocks_are_found_with_the_pages_under_them() throws Exception {
        assertThat(under("m0", 0x8000000)).containsExactly(2L << 20);
        assertThat(under("0000:00:02.0/vga rom", 0x10000)).containsExactly(4096L);
    }

    @Test
    void only_a_block_that_can_grow_takes_another_length() throws Exception {
        assertThat(under("/rom@etc/acpi/tables", 0x40000)).containsExactly(4096L);
        assertThatThrownBy(() -> under("/rom@etc/acpi/tables", 0x201000)).hasMessageContaining("/rom@etc/acpi/tables");
        assertThatThrownBy(() -> under("m0", 0x4000000)).hasMessageContaining("67108864 bytes in the snapshot");
    }

    @Test
    void a_block_that_is_missing_is_named() {
        assertThatThrownBy(() -> under("pc.ram", 4096))
                .hasMessageContaining("'pc.ram'")
                .hasMessageContaining("m0");
    }

    @Test
    void the_preempt_channel_ends_as_the_release_of_the_machine_type_wants_it() {
        assertThat(LazyRestore.wantsEndOfPreempt("pc-i440fx-7.2")).isTrue();
        assertThat(LazyRestore.wantsEndOfPreempt("pc-q35-6.1")).isTrue();
        assertThat(LazyRestore.wantsEndOfPreempt("pc-q35-8.0")).isFalse();
        assertThat(LazyRestore.wantsEndOfPreempt("pc-q35-10.0")).isFalse();
        assertThat(LazyRestore.wantsEndOfPreempt("microvm")).isFalse();
    }
}
