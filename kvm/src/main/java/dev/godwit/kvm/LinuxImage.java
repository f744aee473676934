package dev.godwit.kvm;

import dev.godwit.linux.kvm.KvmVcpu;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * The setup header of a bzImage, as the x86 boot protocol of Linux has it; all numbers are little-endian.
 *
 * <table>
 * <caption>Fields that are read or written here</caption>
 * <tr><th>offset</th><th>bytes</th><th>name</th><th>meaning</th></tr>
 * <tr><td>0x1f1</td><td>1</td><td>setup_sects</td><td>sectors of 16-bit code behind the first; 0 means 4</td></tr>
 * <tr><td>0x1fe</td><td>2</td><td>boot_flag</td><td>0xaa55</td></tr>
 * <tr><td>0x201</td><td>1</td><td></td><td>the header ends at 0x202 plus this</td></tr>
 * <tr><td>0x202</td><td>4</td><td>header</td><td>"HdrS"</td></tr>
 * <tr><td>0x206</td><td>2</td><td>version</td><td>0x20c or later: it says whether there is a 64-bit entry</td></tr>
 * <tr><td>0x210</td><td>1</td><td>type_of_loader</td><td>0xff: none of those with a number</td></tr>
 * <tr><td>0x211</td><td>1</td><td>loadflags</td><td>bit 0: the kernel goes to 1 MiB</td></tr>
 * <tr><td>0x214</td><td>4</td><td>code32_start</td><td>where it was put</td></tr>
 * <tr><td>0x218</td><td>4</td><td>ramdisk_image</td><td>where the initrd was put</td></tr>
 * <tr><td>0x21c</td><td>4</td><td>ramdisk_size</td><td>and how long it is</td></tr>
 * <tr><td>0x228</td><td>4</td><td>cmd_line_ptr</td><td>where the command line is</td></tr>
 * <tr><td>0x22c</td><td>4</td><td>initrd_addr_max</td><td>the highest address of the initrd's last byte</td></tr>
 * <tr><td>0x236</td><td>2</td><td>xloadflags</td><td>bit 0: there is a 64-bit entry, 0x200 into the kernel</td></tr>
 * <tr><td>0x238</td><td>4</td><td>cmdline_size</td><td>the longest command line, without its zero</td></tr>
 * <tr><td>0x260</td><td>4</td><td>init_size</td><td>memory that it needs from where it is loaded</td></tr>
 * </table>
 */
final class LinuxImage {

    static final int LOAD_GPA = 0x100000;

    private static final int SECTOR_BYTES = 512;
    private static final int HEADER_START = 0x1f1;
    private static final int HEADER_MOST_END = 0x290;
    private static final int HEADER_LEAST_END = 0x264;
    private static final int MAGIC = 0x53726448;
    private static final int OLDEST_VERSION = 0x20c;
    private static final int XLF_KERNEL_64 = 1;
    private static final int ENTRY_64_OFFSET = 0x200;
    private static final int LOADER_UNDEFINED = 0xff;

    private final Path file;
    private final byte[] content;
    private final ByteBuffer numbers;

    private LinuxImage(Path file, byte[] content) {
        this.file = file;
        this.content = content;
        this.numbers = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Loads kernel, initrd, command line and boot_params; {@return what makes the first vCPU enter the kernel} */
    static VcpuThread.Work<Boolean> load(Boot.Linux boot, GuestAddresses guest, int vcpus) throws IOException {
        LinuxImage image = read(boot.kernel(), BootFiles.read(boot.kernel(), guest.lowBytes()));
        ByteBuffer params = image.place(boot, guest);
        BootParams.describeMachine(params, guest);
        guest.write(LongMode.BOOT_PARAMS_GPA, params);
        guest.write(MpTable.GPA, MpTable.of(vcpus));
        LongMode.writeTables(guest);
        return vcpu -> enter(vcpu);
    }

    private static boolean enter(KvmVcpu vcpu) throws IOException {
        LongMode.enter(vcpu, LOAD_GPA + ENTRY_64_OFFSET, 0, LongMode.BOOT_PARAMS_GPA, 0);
        return true;
    }

    /**
     * {@return the image}
     *
     * @throws IOException if it is none, or has no 64-bit entry, with what was expected and found
     */
    static LinuxImage read(Path file, byte[] content) throws IOException {
        LinuxImage image = new LinuxImage(file, content);
        image.require(content.length >= HEADER_MOST_END, 0, "at least 0x290 bytes", content.length);
        image.require(image.uint16(0x1fe) == 0xaa55, 0x1fe, "0xaa55", image.uint16(0x1fe));
        image.require(image.numbers.getInt(0x202) == MAGIC, 0x202, "\"HdrS\"", image.uint32(0x202));
        image.require(image.uint16(0x206) >= OLDEST_VERSION, 0x206, "version 0x20c or later", image.uint16(0x206));
        image.require((image.uint16(0x236) & XLF_KERNEL_64) != 0, 0x236, "a 64-bit entry", image.uint16(0x236));
        int end = image.headerEnd();
        image.require(end >= HEADER_LEAST_END && end <= HEADER_MOST_END, 0x201, "a header's end up to 0x290", end);
        image.require(
                image.payloadOffset() + ENTRY_64_OFFSET < content.length,
                0x1f1,
                "a kernel behind the setup code",
                image.payloadOffset());
        return image;
    }

    /** Puts everything but boot_params into memory; {@return boot_params with the header in it} */
    private ByteBuffer place(Boot.Linux boot, GuestAddresses guest) throws IOException {
        int payloadBytes = content.length - payloadOffset();
        long needsBytes = Math.max(payloadBytes, uint32(0x260));
        if (needsBytes > guest.lowBytes() - LOAD_GPA) {
            throw new IOException("%s needs %d MiB of RAM to start; give the guest more"
                    .formatted(file, ((LOAD_GPA + needsBytes) >> 20) + 1));
        }
        ByteBuffer params = LongMode.littleEndian(BootParams.BYTES);
        params.put(HEADER_START, content, HEADER_START, headerEnd() - HEADER_START);
        params.put(0x210, (byte) LOADER_UNDEFINED);
        params.putInt(0x214, LOAD_GPA);
        params.putInt(0x228, (int) LongMode.COMMAND_LINE_GPA);
        guest.at(LOAD_GPA, payloadBytes)
                .copyFrom(MemorySegment.ofArray(content).asSlice(payloadOffset(), payloadBytes));
        LongMode.writeCommandLine(guest, boot.append(), uint32(0x238));
        if (boot.initrd().isPresent()) {
            placeInitrd(boot.initrd().get(), guest, LOAD_GPA + needsBytes, params);
        }
        return params;
    }

    private void placeInitrd(Path initrd, GuestAddresses guest, long lowestGpa, ByteBuffer params) throws IOException {
        long endGpa = Math.min(guest.lowBytes(), uint32(0x22c) + 1);
        byte[] bytes = BootFiles.read(initrd, endGpa - lowestGpa - 4096);
        long gpa = (endGpa - bytes.length) & -4096L;
        guest.write(gpa, bytes);
        params.putInt(0x218, (int) gpa);
        params.putInt(0x21c, bytes.length);
    }

    private int headerEnd() {
        return 0x202 + (content[0x201] & 0xff);
    }

    private int payloadOffset() {
        int sectors = content[0x1f1] & 0xff;
        return ((sectors == 0 ? 4 : sectors) + 1) * SECTOR_BYTES;
    }

    private int uint16(int at) {
        return numbers.getShort(at) & 0xffff;
    }

    private long uint32(int at) {
        return numbers.getInt(at) & 0xffff_ffffL;
    }

    private void require(boolean isRight, int at, String expected, long found) throws IOException {
        if (!isRight) {
            throw new IOException("%s is no bzImage that can be booted: at byte 0x%x expected %s, found 0x%x"
                    .formatted(file, at, expected, found));
        }
    }
}
