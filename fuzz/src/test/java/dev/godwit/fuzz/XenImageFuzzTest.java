package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.xen.ImageInput;
import dev.godwit.xen.ImageOutput;
import dev.godwit.xen.SavedDomainReader;
import dev.godwit.xen.SavedDomainWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.Arrays;

class XenImageFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_saved_domain_is_copied_or_refused(byte[] bytes) {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        ImageInput input = new ImageInput(Channels.newChannel(new ByteArrayInputStream(bytes)));
        try {
            new SavedDomainReader(input, new SavedDomainWriter(new ImageOutput(Channels.newChannel(copy)))).read();
        } catch (IOException expected) {
            return; // A refusal is an answer; anything else is a finding.
        }
        if (!Arrays.equals(copy.toByteArray(), 0, copy.size(), bytes, 0, (int) input.positionBytes())) {
            throw new AssertionError("the copy is not what was read");
        }
    }
}
