package dev.godwit.xen;

import dev.godwit.engine.StreamFormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Reads a saved domain of any format of Xen's: its frames are told to a {@link FrameListener}, all else comes back as a
 * {@link DomainState}. Wrappers around it, of xl and of xend, are kept.
 *
 * <pre>
 * xend, 2007:  "LinuxGuestRecord", i32 BE length, configuration, stream, "QemuDeviceModelRecord", device model
 * xl:          see {@link XlHeader}
 * </pre>
 */
public final class DomainReader {

    static final byte[] XEND = "LinuxGuestRecord".getBytes(StandardCharsets.US_ASCII);

    private static final int MAX_CONFIG_BYTES = 16 << 20;

    private final ImageInput input;
    private final FrameListener frames;

    /**
     * A reader of one saved domain.
     *
     * @param input at the first byte
     * @param frames hears the frames
     */
    public DomainReader(ImageInput input, FrameListener frames) {
        this.input = input;
        this.frames = frames;
    }

    /**
     * {@return the format that the first bytes show} Nothing is taken from the input. A legacy stream shows itself only
     * in a file of {@code xl save}, that of the saver of 2007 never.
     */
    public static Optional<XenFormat> recognise(ImageInput input) throws IOException {
        if (!SavedDomainReader.recognises(input)) {
            return Optional.empty();
        }
        return Optional.of(
                input.isNext(XlHeader.MAGIC) && !XlHeader.announcesLibxl(input) ? XenFormat.LEGACY : XenFormat.V3);
    }

    /**
     * What was read.
     *
     * @param state everything but the frames
     * @param words how wide the words were; empty where the format has none
     */
    public record Read(DomainState state, Optional<WordSize> words) {}

    /**
     * Reads it to its end.
     *
     * @param format what it is
     * @param words how wide words are; empty where that is to be guessed ({@link Hvm2007Reader#guessWords})
     * @throws StreamFormatException if it is damaged, cut off, or not supported
     * @throws IOException if the channel fails, or the listener does
     */
    public Read read(XenFormat format, Optional<WordSize> words) throws IOException {
        if (format == XenFormat.V3) {
            ModernParts parts = new ModernParts(frames);
            new SavedDomainReader(input, parts).read();
            return new Read(parts.state(), Optional.empty());
        }
        Optional<XlHeader> xl = Optional.empty();
        Optional<MemorySegment> xend = Optional.empty();
        if (input.isNext(XlHeader.MAGIC)) {
            xl = Optional.of(XlHeader.read(input));
        } else if (input.isNext(XEND)) {
            xend = Optional.of(readXend());
        }
        WordSize width = words.isPresent() ? words.get() : Hvm2007Reader.guessWords(input);
        if (format == XenFormat.LEGACY) {
            LegacyParts parts = new LegacyParts(frames, xl, xend);
            new LegacyReader(input, width, parts).read();
            return new Read(parts.state(), Optional.of(width));
        }
        if (xl.isPresent()) {
            throw input.refusal("a stream of 2007", "one in a file of xl save, which is younger");
        }
        SeedParts parts = new SeedParts(frames, xend);
        new Hvm2007Reader(input, width, parts).read();
        return new Read(parts.state(), Optional.of(width));
    }

    private MemorySegment readXend() throws IOException {
        input.section("xend's envelope");
        input.bytes(XEND.length);
        int length = Integer.reverseBytes(input.i32());
        if (length < 0 || length > MAX_CONFIG_BYTES) {
            throw input.refusal(
                    "a configuration of at most %d bytes".formatted(MAX_CONFIG_BYTES), Integer.toString(length));
        }
        return MemorySegment.ofArray(input.bytes(length)).asReadOnly();
    }
}
