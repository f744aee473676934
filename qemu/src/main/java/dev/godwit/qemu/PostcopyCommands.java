package dev.godwit.qemu;

import java.io.IOException;

/** What is done about the commands of postcopy in an incoming stream. */
interface PostcopyCommands {

    /** Refuses them by name. */
    PostcopyCommands REFUSED = new PostcopyCommands() {
        @Override
        public void command(ByteInput input, Command command) throws IOException {
            if (!(command instanceof Command.PostcopyAdvise || command instanceof Command.PostcopyAdviseBitmaps)) {
                throw input.unexpected(
                        "a precopy stream",
                        "postcopy, which is not supported by receive yet: command " + command.commandName());
            }
        }

        @Override
        public void packaged(ByteInput input, byte[] blob) throws IOException {
            throw input.unexpected("a precopy stream", "a PACKAGED blob");
        }
    };

    /**
     * A command from POSTCOPY_ADVISE on to RECV_BITMAP.
     *
     * @param input stands behind it
     */
    void command(ByteInput input, Command command) throws IOException;

    /** The blob behind PACKAGED. */
    void packaged(ByteInput input, byte[] blob) throws IOException;
}
