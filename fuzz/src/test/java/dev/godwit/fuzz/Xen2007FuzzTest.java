package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.xen.Hvm2007Reader;
import dev.godwit.xen.Hvm2007Writer;
import dev.godwit.xen.ImageInput;
import dev.godwit.xen.ImageOutput;
import dev.godwit.xen.WordSize;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.Arrays;

class Xen2007FuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_stream_of_2007_is_copied_or_refused(byte[] bytes) {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        ImageInput input = new ImageInput(Channels.newChannel(new ByteArrayInputStream(bytes)));
        try {
            WordSize words = Hvm2007Reader.guessWords(input);
            Hvm2007Writer writer = new Hvm2007Writer(new ImageOutput(Channels.newChannel(copy)), words);
            new Hvm2007Reader(input, words, writer).read();
        } catch (IOException expected) {
            return; // A refusal is an answer; anything else is a finding.
        }
        if (!Arrays.equals(copy.toByteArray(), 0, copy.size(), bytes, 0, (int) input.positionBytes())) {
            throw new AssertionError("the copy is not what was read");
        }
    }
}
