package dev.godwit.workload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kind of damage is found, in the right place and under the right name. */
class DamageTest {

    private static final int RAM = 0;
    private static final int ROM = 1;
    private static final int VRAM = 2;

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment kept = arena.allocate(Page.SIZE_BYTES);
    private WorkloadMachine machine;

    @BeforeEach
    void a_machine_that_has_run() throws IOException {
        machine = WorkloadMachine.create(WorkloadOptions.ofRam(4 << 20).withSeed(77));
        Guests.run(machine, 5000);
    }

    @AfterEach
    void close() throws IOException {
        machine.close();
        arena.close();
    }

    @Test
    void a_flipped_bit_is_found() throws IOException {
        for (long offset : new long[] {0, 17, 31, 32, 2000, 4095}) {
            long address = page(RAM, 100) + offset;
            byte was = machine.memory().block(RAM).get(ValueLayout.JAVA_BYTE, 100 * 4096 + offset);
            NativeMemory.fill(address, was ^ 4, 1);
            PageDamage damage = onlyDamage(DamageKind.CORRUPT, "ram", 100);
            assertThat(damage.found()).isEqualTo("1 wrong bytes, the first at byte " + offset + " of the page");
            assertThat(damage.toString()).contains("ram page 100 (offset 0x64000)");
            NativeMemory.fill(address, was, 1);
        }
        assertThat(machine.verify().isSound()).isTrue();
    }

    @Test
    void whatever_the_last_byte_has_become_it_is_not_that_of_another_version() {
        byte was = machine.memory().block(RAM).get(ValueLayout.JAVA_BYTE, 100 * 4096 + 4095);
        for (int change = 1; change < 256; change++) {
            NativeMemory.fill(page(RAM, 100) + 4095, was ^ change, 1);
            onlyDamage(DamageKind.CORRUPT, "ram", 100);
        }
    }

    @Test
    void a_page_of_which_only_zeros_came_is_missing() {
        NativeMemory.fill(page(VRAM, 7), 0, Page.SIZE_BYTES);
        onlyDamage(DamageKind.MISSING, "vram", 7);
    }

    @Test
    void a_page_that_is_never_written_is_watched_too() {
        NativeMemory.fill(page(ROM, 15) + 8, 0, 8);
        onlyDamage(DamageKind.CORRUPT, "rom", 15);
    }

    @Test
    void a_page_whose_last_write_was_lost_is_stale() throws IOException {
        NativeMemory.copy(kept.address(), page(RAM, 9), Page.SIZE_BYTES);
        long generation = machine.guest().program().generation(RAM, 9);
        Guests.run(machine, 5000);
        NativeMemory.copy(page(RAM, 9), kept.address(), Page.SIZE_BYTES);
        PageDamage damage = onlyDamage(DamageKind.STALE, "ram", 9);
        assertThat(damage.found()).isEqualTo("version " + generation);
        assertThat(damage.generation()).isGreaterThan(generation);
    }

    @Test
    void ram_that_is_newer_than_the_device_state_is_ahead() throws IOException {
        var state = machine.save();
        Guests.run(machine, 1);
        machine.load(state);
        WorkloadReport report = machine.verify();
        assertThat(report.isSound()).isFalse();
        assertThat(report.damages()).extracting(PageDamage::kind).containsOnly(DamageKind.AHEAD);
    }

    @Test
    void two_pages_that_changed_places_are_foreign() {
        NativeMemory.copy(kept.address(), page(RAM, 3), Page.SIZE_BYTES);
        NativeMemory.copy(page(RAM, 3), page(VRAM, 4), Page.SIZE_BYTES);
        NativeMemory.copy(page(VRAM, 4), kept.address(), Page.SIZE_BYTES);
        List<PageDamage> damages = machine.verify().damages();
        assertThat(damages).extracting(PageDamage::kind).containsExactly(DamageKind.FOREIGN, DamageKind.FOREIGN);
        assertThat(damages).extracting(PageDamage::blockId).containsExactly("ram", "vram");
        assertThat(damages).extracting(PageDamage::page).containsExactly(3L, 4L);
        assertThat(damages.getFirst().found()).endsWith("of page 4 of block vram");
    }

    @ParameterizedTest
    @ValueSource(longs = {8, 16, 24, 32, 512, 2048, 4088})
    void a_page_that_is_half_old_is_torn(long newBytes) {
        long old = machine.guest().program().generation(RAM, 9) - 1;
        machine.guest().versions().render(RAM, 9, old, kept);
        NativeMemory.copy(page(RAM, 9) + newBytes, kept.address() + newBytes, Page.SIZE_BYTES - newBytes);
        PageDamage damage = machine.verify().damages().getFirst();
        // with only the parts of the header that never change, the page is just old
        assertThat(damage.kind()).isEqualTo(newBytes <= 16 ? DamageKind.STALE : DamageKind.TORN);
        assertThat(damage.page()).isEqualTo(9);
        if (newBytes > 16) {
            assertThat(damage.found()).startsWith("version " + damage.generation() + " up to byte ");
            assertThat(damage.found()).endsWith("and version " + old + " behind it");
        }
    }

    @Test
    void a_page_whose_second_half_never_came_is_torn() {
        NativeMemory.fill(page(RAM, 11) + 2048, 0, 2048);
        assertThat(onlyDamage(DamageKind.TORN, "ram", 11).found()).endsWith("up to byte 2048 and zeros behind it");
    }

    @Test
    void bytes_that_nobody_wrote_are_corrupt() {
        NativeMemory.fill(page(RAM, 12), 0x5a, Page.SIZE_BYTES);
        onlyDamage(DamageKind.CORRUPT, "ram", 12);
    }

    @Test
    void a_vcpu_finds_damage_before_it_writes_over_it() throws IOException {
        NativeMemory.fill(page(RAM, 200) + 100, 0, 50);
        Guests.run(machine, 3000);
        assertThat(machine.statistics().damagedPages()).isEqualTo(1);
        onlyDamage(DamageKind.CORRUPT, "ram", 200);
    }

    @Test
    void much_damage_is_counted_and_the_first_of_it_named() {
        NativeMemory.fill(page(RAM, 0), 0, 4 << 20);
        WorkloadReport report = machine.verify();
        assertThat(report.damagedPages()).isEqualTo(1024);
        assertThat(report.damages()).hasSize(100);
    }

    private long page(int block, long page) {
        return machine.memory().hostAddress(block, page * Page.SIZE_BYTES);
    }

    private PageDamage onlyDamage(DamageKind kind, String blockId, long page) {
        WorkloadReport report = machine.verify();
        assertThat(report.damages()).hasSize(1);
        PageDamage damage = report.damages().getFirst();
        assertThat(damage.kind()).as(damage.toString()).isEqualTo(kind);
        assertThat(damage.blockId()).isEqualTo(blockId);
        assertThat(damage.page()).isEqualTo(page);
        return damage;
    }
}
