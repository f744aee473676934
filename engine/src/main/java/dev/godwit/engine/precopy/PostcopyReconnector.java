package dev.godwit.engine.precopy;

import dev.godwit.engine.postcopy.PostcopyStream;
import dev.godwit.engine.postcopy.PostcopyWork;
import java.io.IOException;

/** Connects a postcopy to its destination again, after it was lost. */
public interface PostcopyReconnector {

    /**
     * {@return the stream, connected but not resumed}
     *
     * @param work all of RAM, from which what the destination has is then taken
     * @throws IOException if the destination cannot be reached
     */
    PostcopyStream reconnect(PostcopyWork work) throws IOException;
}
