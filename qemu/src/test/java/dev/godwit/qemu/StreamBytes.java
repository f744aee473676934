package dev.godwit.qemu;

import dev.godwit.ram.Page;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;

/** Builds streams by hand, right ones and wrong ones. Blocks: {@code low} of 4 pages, {@code high} of 2. */
final class StreamBytes {

    static final String VMDESCRIPTION = """
            {"page_size": 4096, "devices": [{"name": "dev", "instance_id": 0, "vmsd_name": "dev", "version": 1, \
            "fields": [{"name": "value", "type": "uint32", "size": 4}]}]}""";

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final ByteOutput output = new ByteOutput(Channels.newChannel(bytes));

    /** Header and configuration. */
    static StreamBytes headed() throws IOException {
        return new StreamBytes().u32(StreamHeader.MAGIC).u32(3).u8(7).u32(2).text("pc");
    }

    /** Header, configuration, START with the block list. */
    static StreamBytes started() throws IOException {
        return headed().start(1, "ram", 4).blockList().eos(1);
    }

    /** A stream with every kind of element that precopy has. */
    static byte[] whole() throws IOException {
        return started()
                .command(1)
                .command(2, 0, 0, 0, 1)
                .start(2, "dirty-bitmap", 1)
                .u8(1)
                .footer(2)
                .part(1)
                .named(RamFlags.ZERO, 0, "low")
                .u8(0)
                .u64(0x1000 | RamFlags.ZERO | RamFlags.CONTINUE)
                .u8(0)
                .u64(0x2000 | RamFlags.ZERO | RamFlags.CONTINUE)
                .u8(0)
                .u64(0x3000 | RamFlags.ZERO | RamFlags.CONTINUE)
                .u8(0)
                .named(RamFlags.PAGE, 0x1000, "high")
                .page(0x5a)
                .u64(RamFlags.PAGE | RamFlags.CONTINUE)
                .page(0x5b)
                .eos(1)
                .part(1)
                .u64(RamFlags.XBZRLE | RamFlags.CONTINUE)
                .u8(1)
                .u16(3)
                .u8(0)
                .u8(1)
                .u8(0x42)
                .eos(1)
                .command(11)
                .end(1)
                .eos(1)
                .end(2)
                .u8(1)
                .footer(2)
                .tail()
                .bytes();
    }

    byte[] bytes() throws IOException {
        output.flush();
        return bytes.toByteArray();
    }

    /** The bytes as input of a reader. */
    static ByteInput input(byte[] bytes) {
        return ByteInput.of(bytes);
    }

    StreamBytes u8(int value) throws IOException {
        output.u8(value);
        return this;
    }

    StreamBytes u16(int value) throws IOException {
        output.u16(value);
        return this;
    }

    StreamBytes u32(int value) throws IOException {
        output.u32(value);
        return this;
    }

    StreamBytes u64(long value) throws IOException {
        output.u64(value);
        return this;
    }

    StreamBytes text(String text) throws IOException {
        output.write(text.getBytes(StandardCharsets.UTF_8));
        return this;
    }

    StreamBytes counted(String text) throws IOException {
        output.countedString(text);
        return this;
    }

    StreamBytes start(int id, String idstr, int version) throws IOException {
        return u8(1).u32(id).counted(idstr).u32(0).u32(version);
    }

    StreamBytes part(int id) throws IOException {
        return u8(2).u32(id);
    }

    StreamBytes end(int id) throws IOException {
        return u8(3).u32(id);
    }

    StreamBytes footer(int id) throws IOException {
        return u8(0x7e).u32(id);
    }

    StreamBytes blockList() throws IOException {
        return u64(6 * Page.SIZE_BYTES | RamFlags.MEM_SIZE)
                .counted("low")
                .u64(4 * Page.SIZE_BYTES)
                .counted("high")
                .u64(2 * Page.SIZE_BYTES);
    }

    StreamBytes eos(int id) throws IOException {
        return u64(RamFlags.EOS).footer(id);
    }

    StreamBytes named(int flags, long offset, String block) throws IOException {
        return u64(offset | flags).counted(block);
    }

    StreamBytes page(int fill) throws IOException {
        for (int i = 0; i < Page.SIZE_BYTES; i++) {
            output.u8(fill);
        }
        return this;
    }

    StreamBytes command(int number, int... payload) throws IOException {
        u8(8).u16(number).u16(payload.length);
        for (int value : payload) {
            u8(value);
        }
        return this;
    }

    StreamBytes device(int id) throws IOException {
        return u8(4).u32(id).counted("dev").u32(0).u32(1).u32(0xcafe).footer(id);
    }

    /** One device, EOF, vmdescription. */
    StreamBytes tail() throws IOException {
        return device(9).u8(0).u8(6).u32(VMDESCRIPTION.length()).text(VMDESCRIPTION);
    }
}
