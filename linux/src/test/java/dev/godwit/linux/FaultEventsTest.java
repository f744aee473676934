package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.linux.FaultEvents.Event;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FaultEventsTest {

    private final MemorySegment messages = Arena.ofAuto().allocate(5 * 32, 8);

    @Test
    void every_kind_of_message_is_read_from_its_places() {
        message(0, 0x12, 7, 0x1000, 42);
        message(1, 0x14, 0x2000, 0x3000, 0x4000);
        message(2, 0x15, 0x5000, 0x6000, 0);
        message(3, 0x16, 0x7000, 0x8000, 0);
        message(4, 0x12, 0, 0x9000, 0);
        FaultEvents events = new FaultEvents(5);
        events.takeMessages(messages, Set.of());
        assertThat(events.count()).isEqualTo(5);
        assertThat(events.event(0)).isEqualTo(new Event.PageFault(0x1000, true, true, true, 42));
        assertThat(events.event(1)).isEqualTo(new Event.Remap(0x2000, 0x3000, 0x4000));
        assertThat(events.event(2)).isEqualTo(new Event.Remove(0x5000, 0x6000));
        assertThat(events.event(3)).isEqualTo(new Event.Unmap(0x7000, 0x8000));
        assertThat(events.event(4)).isEqualTo(new Event.PageFault(0x9000, false, false, false, 0));
        assertThat(events.isPageFault(1)).isFalse();
        assertThatThrownBy(() -> events.event(5)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void a_childs_descriptor_is_its_takers_and_closed_if_nobody_takes_it() throws Exception {
        try (EventFd first = EventFd.create();
                EventFd second = EventFd.create()) {
            Descriptor taken = first.descriptor().duplicate();
            Descriptor left = second.descriptor().duplicate();
            message(0, 0x13, taken.number(), 0, 0);
            message(1, 0x13, left.number(), 0, 0);
            FaultEvents events = new FaultEvents(5);
            events.takeMessages(messages.asSlice(0, 64), Set.of());
            Event.Fork fork = (Event.Fork) events.event(0);
            assertThatThrownBy(() -> events.event(0)).isInstanceOf(IllegalStateException.class);
            events.close();
            assertThat(events.count()).isZero();
            assertThat(java.nio.file.Path.of("/proc/self/fd/" + left.number())).doesNotExist();
            assertThat(fork.child().descriptor().isClosed()).isFalse();
            fork.child().close();
        }
    }

    @Test
    void a_message_that_is_not_known_is_named() {
        message(0, 0x77, 0, 0, 0);
        FaultEvents events = new FaultEvents(1);
        events.takeMessages(messages.asSlice(0, 32), Set.of());
        assertThat(events.isPageFault(0)).isFalse();
        assertThatThrownBy(() -> events.event(0))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("119");
    }

    private void message(int index, int event, long first, long second, long third) {
        MemorySegment at = messages.asSlice(index * 32L, 32);
        at.set(JAVA_BYTE, 0, (byte) event);
        at.set(JAVA_LONG, 8, first);
        at.set(JAVA_LONG, 16, second);
        if (event == 0x14) {
            at.set(JAVA_LONG, 24, third);
        } else {
            at.set(JAVA_INT, 24, (int) third);
        }
    }
}
