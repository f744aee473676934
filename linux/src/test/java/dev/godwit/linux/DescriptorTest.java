package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class DescriptorTest {

    @Test
    void it_is_closed_by_the_last_call_under_way_and_answers_so_afterwards() throws Exception {
        Descriptor descriptor = EventFd.create().descriptor();
        int number = descriptor.borrow();
        descriptor.close();
        assertThat(descriptor.isClosed()).isTrue();
        assertThat(isOpen(number)).isTrue();
        assertThat(descriptor.borrow()).isEqualTo(-Errno.EBADF.code());
        descriptor.giveBack();
        assertThat(isOpen(number)).isTrue();
        descriptor.giveBack();
        assertThat(isOpen(number)).isFalse();
        descriptor.close();
    }

    @Test
    void a_duplicate_lives_on_by_itself() throws Exception {
        EventFd event = EventFd.create();
        try (Descriptor copy = event.descriptor().duplicate()) {
            event.signal();
            event.close();
            assertThat(Poll.readable(copy, 0)).isTrue();
            assertThatThrownBy(() -> event.descriptor().duplicate())
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBADF));
        }
    }

    @Test
    void no_descriptor_has_a_negative_number() {
        assertThatThrownBy(() -> Descriptor.own(-1, "none")).isInstanceOf(IllegalArgumentException.class);
    }

    private static boolean isOpen(int number) {
        return Files.exists(
                Path.of("/proc/self/fd", Integer.toString(number)), java.nio.file.LinkOption.NOFOLLOW_LINKS);
    }
}
