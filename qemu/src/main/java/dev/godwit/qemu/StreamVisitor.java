package dev.godwit.qemu;

import java.io.IOException;

/**
 * Hears every element of a migration stream in order, as {@link StreamReader} meets it; {@link StreamWriter} writes
 * what it hears. RAM records come between {@link #beginRamSection} and {@link #endRamSection}.
 *
 * <p>An exception thrown by a method ends the reading and comes out of the reader.
 */
public interface StreamVisitor extends RamVisitor {

    /** The stream's header. */
    void header() throws IOException;

    /** The configuration section. */
    void configuration(Configuration configuration) throws IOException;

    /** A command of the main stream; commands inside a PACKAGED blob stay in the blob. */
    void command(Command command) throws IOException;

    /**
     * The blob that follows the command PACKAGED.
     *
     * @param blob commands and device sections; see qemu-migration specification section 3.6
     */
    void packaged(byte[] blob) throws IOException;

    /**
     * A section of RAM begins.
     *
     * @param header of type START, PART or END, with the names of the START section
     */
    void beginRamSection(SectionHeader header) throws IOException;

    /** The section of RAM is complete, its footer included. */
    void endRamSection(SectionHeader header) throws IOException;

    /** A section that is not RAM. */
    void section(Section section) throws IOException;

    /** The EOF byte of the main stream. */
    void endOfStream() throws IOException;

    /**
     * The description of the device sections, after EOF.
     *
     * @param json UTF-8
     */
    void vmdescription(byte[] json) throws IOException;
}
