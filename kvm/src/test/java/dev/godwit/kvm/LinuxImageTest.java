package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.linux.Mapping;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinuxImageTest {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    @TempDir
    Path folder;

    /** {@return an image whose kernel is the bytes 1, 2, 3 … behind one sector of setup code} */
    private static byte[] image(Consumer<ByteBuffer> change) {
        byte[] bytes = new byte[8192];
        ByteBuffer image = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        image.put(0x1f1, (byte) 1);
        image.putShort(0x1fe, (short) 0xaa55);
        image.put(0x201, (byte) 0x66);
        image.putInt(0x202, 0x53726448);
        image.putShort(0x206, (short) 0x20f);
        image.putInt(0x22c, 0x7fffffff);
        image.putShort(0x236, (short) 1);
        image.putInt(0x238, 255);
        image.putInt(0x260, 0x20000);
        for (int i = 1024; i < image.capacity(); i++) {
            image.put(i, (byte) (i - 1023));
        }
        change.accept(image);
        return bytes;
    }

    private static byte[] image() {
        return image(image -> {});
    }

    private static void refused(Consumer<ByteBuffer> damage, String message) {
        refused(image(damage), message);
    }

    private static void refused(byte[] image, String message) {
        assertThatThrownBy(() -> LinuxImage.read(Path.of("kernel"), image))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(message);
    }

    @Test
    void a_good_image_is_taken() {
        assertThatCode(() -> LinuxImage.read(Path.of("kernel"), image())).doesNotThrowAnyException();
    }

    @Test
    void an_image_without_the_boot_flag_is_refused() {
        refused(image -> image.putShort(0x1fe, (short) 0), "at byte 0x1fe expected 0xaa55, found 0x0");
    }

    @Test
    void an_image_without_the_header_is_refused() {
        refused(image -> image.putInt(0x202, 0), "\"HdrS\"");
    }

    @Test
    void an_image_of_an_old_protocol_is_refused() {
        refused(image -> image.putShort(0x206, (short) 0x20b), "version 0x20c or later, found 0x20b");
    }

    @Test
    void an_image_without_a_64_bit_entry_is_refused() {
        refused(image -> image.putShort(0x236, (short) 2), "a 64-bit entry");
    }

    @Test
    void a_header_that_is_too_long_is_refused() {
        refused(image -> image.put(0x201, (byte) 0xff), "a header's end");
    }

    @Test
    void an_image_that_ends_before_its_kernel_is_refused() {
        refused(image -> image.put(0x1f1, (byte) 63), "a kernel behind the setup code");
    }

    @Test
    void a_short_file_is_refused() {
        refused(new byte[10], "at least 0x290 bytes");
    }

    @Test
    void kernel_initrd_command_line_and_boot_params_are_where_the_protocol_wants_them() throws Exception {
        Path kernel = Files.write(folder.resolve("kernel"), image());
        Path initrd = Files.write(folder.resolve("initrd"), new byte[] {7, 8, 9});
        try (Mapping mapping = Mapping.anonymous(8 << 20)) {
            MemorySegment ram = mapping.memory();
            Object _ = LinuxImage.load(
                    new Boot.Linux(kernel, Optional.of(initrd), "acpi=off quiet"),
                    GuestAddresses.of(TestGuest.memoryOf(mapping)),
                    1);
            assertThat(ram.get(ValueLayout.JAVA_BYTE, 0x100000)).isEqualTo((byte) 1);
            assertThat(ram.getString(0x20000)).isEqualTo("acpi=off quiet");
            assertThat(ram.get(INT, 0x10202)).isEqualTo(0x53726448);
            assertThat(ram.get(INT, 0x10228)).isEqualTo(0x20000);
            assertThat(ram.get(ValueLayout.JAVA_BYTE, 0x10210)).isEqualTo((byte) 0xff);
            int initrdGpa = ram.get(INT, 0x10218);
            assertThat(initrdGpa % 4096).isZero();
            assertThat(ram.get(INT, 0x1021c)).isEqualTo(3);
            assertThat(ram.asSlice(initrdGpa, 3).toArray(ValueLayout.JAVA_BYTE)).containsExactly(7, 8, 9);
        }
    }

    @Test
    void a_kernel_that_needs_more_ram_is_refused_with_how_much() throws Exception {
        Path kernel = Files.write(folder.resolve("kernel"), image(image -> image.putInt(0x260, 64 << 20)));
        try (Mapping mapping = Mapping.anonymous(8 << 20)) {
            GuestAddresses guest = GuestAddresses.of(TestGuest.memoryOf(mapping));
            assertThatThrownBy(() -> LinuxImage.load(new Boot.Linux(kernel, Optional.empty(), ""), guest, 1))
                    .hasMessageContaining("needs 66 MiB of RAM");
        }
    }

    @Test
    void a_command_line_that_is_too_long_is_refused() throws Exception {
        Path kernel = Files.write(folder.resolve("kernel"), image());
        try (Mapping mapping = Mapping.anonymous(8 << 20)) {
            GuestAddresses guest = GuestAddresses.of(TestGuest.memoryOf(mapping));
            assertThatThrownBy(
                            () -> LinuxImage.load(new Boot.Linux(kernel, Optional.empty(), "x".repeat(256)), guest, 1))
                    .hasMessageContaining("up to 255 characters");
        }
    }

    @Test
    void the_parts_of_the_mp_table_add_up_to_zero_and_it_fits_into_base_memory() {
        for (int vcpus : new int[] {1, 2, MpTable.MOST_VCPUS}) {
            byte[] table = MpTable.of(vcpus);
            assertThat(table.length).isLessThanOrEqualTo(1024);
            assertThat(sum(table, 0, 16)).isZero();
            assertThat(sum(table, 16, table.length)).isZero();
            assertThat(ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN).getShort(16 + 4))
                    .isEqualTo((short) (table.length - 16));
        }
    }

    private static int sum(byte[] bytes, int from, int to) {
        int sum = 0;
        for (int i = from; i < to; i++) {
            sum += bytes[i];
        }
        return sum & 0xff;
    }
}
