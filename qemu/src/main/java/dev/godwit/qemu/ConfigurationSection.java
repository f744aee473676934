package dev.godwit.qemu;

import dev.godwit.ram.Page;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;

/**
 * Reads and writes the configuration section, qemu-migration specification section 1.2; it has no footer.
 *
 * <pre>
 * u8 0x07, u32 length, machine type
 * then up to three times: u8 0x05, counted string name, u32 version 1, payload
 *   configuration/target-page-bits  u32 bits
 *   configuration/capabilities      u32 count, that many counted strings
 *   configuration/uuid              16 bytes
 * </pre>
 */
public final class ConfigurationSection {

    private static final String PAGE_BITS = "configuration/target-page-bits";
    private static final String CAPABILITIES = "configuration/capabilities";
    private static final String UUID_OF_MACHINE = "configuration/uuid";

    private static final int MAX_MACHINE_TYPE_BYTES = 1024;
    private static final int PAGE_BITS_X86 = Integer.numberOfTrailingZeros(Page.SIZE_BYTES);

    /** All of QEMU's; only two of them are ever listed, and others change nothing in the stream. */
    private static final Set<String> KNOWN_CAPABILITIES = Set.of(
            Configuration.MAPPED_RAM,
            Configuration.X_IGNORE_SHARED,
            "xbzrle",
            "rdma-pin-all",
            "auto-converge",
            "zero-blocks",
            "compress",
            "block",
            "events",
            "postcopy-ram",
            "x-colo",
            "release-ram",
            "return-path",
            "pause-before-switchover",
            "multifd",
            "dirty-bitmaps",
            "postcopy-blocktime",
            "late-block-activate",
            "validate-uuid",
            "background-snapshot",
            "zero-copy-send",
            "postcopy-preempt",
            "switchover-ack",
            "dirty-limit");

    private ConfigurationSection() {}

    /**
     * Reads the section with its type byte.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is missing, or says something that is not supported
     */
    public static Configuration read(ByteInput input) throws IOException {
        input.section("configuration");
        int type = input.u8();
        if (type != SectionType.CONFIGURATION.wireByte()) {
            throw input.unexpectedAt(input.position() - 1, "the configuration section (7)", "byte " + type);
        }
        int lengthBytes = input.u32();
        if (lengthBytes < 0 || lengthBytes > MAX_MACHINE_TYPE_BYTES) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "a machine type of at most " + MAX_MACHINE_TYPE_BYTES + " bytes",
                    Integer.toUnsignedString(lengthBytes));
        }
        Configuration configuration = new Configuration(
                input.utf8(lengthBytes, "a machine type"), OptionalInt.empty(), List.of(), Optional.empty());
        Set<String> seen = new HashSet<>();
        while (!input.atEnd() && input.peek() == SectionType.SUBSECTION.wireByte()) {
            configuration = readSubsection(input, configuration, seen);
        }
        return configuration;
    }

    private static Configuration readSubsection(ByteInput input, Configuration configuration, Set<String> seen)
            throws IOException {
        long at = input.position();
        input.u8();
        String name = input.countedString("a subsection's name");
        int version = input.u32();
        if (version != 1 || !seen.add(name)) {
            throw input.unexpectedAt(at, "a subsection once, of version 1", name + " of version " + version);
        }
        return switch (name) {
            case PAGE_BITS ->
                new Configuration(
                        configuration.machineType(),
                        OptionalInt.of(readPageBits(input)),
                        configuration.capabilities(),
                        configuration.uuid());
            case CAPABILITIES -> configuration.withCapabilities(readCapabilities(input));
            case UUID_OF_MACHINE ->
                new Configuration(
                        configuration.machineType(),
                        configuration.pageBits(),
                        configuration.capabilities(),
                        Optional.of(new UUID(input.u64(), input.u64())));
            default -> throw input.unexpectedAt(at, "a known subsection of the configuration", name);
        };
    }

    private static int readPageBits(ByteInput input) throws IOException {
        int pageBits = input.u32();
        if (pageBits != PAGE_BITS_X86) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "target pages of 12 bits (others are not supported)",
                    Integer.toUnsignedString(pageBits));
        }
        return pageBits;
    }

    private static List<String> readCapabilities(ByteInput input) throws IOException {
        int count = input.u32();
        if (count < 1 || count > KNOWN_CAPABILITIES.size()) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "1 to " + KNOWN_CAPABILITIES.size() + " capabilities",
                    Integer.toUnsignedString(count));
        }
        List<String> capabilities = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long at = input.position();
            String capability = input.countedString("a capability's name");
            if (!KNOWN_CAPABILITIES.contains(capability) || capabilities.contains(capability)) {
                throw input.unexpectedAt(at, "a known capability, once", capability);
            }
            capabilities.add(capability);
        }
        return capabilities;
    }

    /** Writes the section with its type byte. */
    public static void write(ByteOutput output, Configuration configuration) throws IOException {
        output.u8(SectionType.CONFIGURATION.wireByte());
        output.u32(Utf8.lengthBytes(configuration.machineType()));
        output.write(configuration.machineType().getBytes(StandardCharsets.UTF_8));
        if (configuration.pageBits().isPresent()) {
            beginSubsection(output, PAGE_BITS);
            output.u32(configuration.pageBits().getAsInt());
        }
        if (!configuration.capabilities().isEmpty()) {
            beginSubsection(output, CAPABILITIES);
            output.u32(configuration.capabilities().size());
            for (String capability : configuration.capabilities()) {
                output.countedString(capability);
            }
        }
        if (configuration.uuid().isPresent()) {
            beginSubsection(output, UUID_OF_MACHINE);
            output.u64(configuration.uuid().get().getMostSignificantBits());
            output.u64(configuration.uuid().get().getLeastSignificantBits());
        }
    }

    private static void beginSubsection(ByteOutput output, String name) throws IOException {
        output.u8(SectionType.SUBSECTION.wireByte());
        output.countedString(name);
        output.u32(1);
    }
}
