package dev.godwit.engine.postcopy;

import java.util.Iterator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * First the pages of a recording, those that are zero too: the guest will ask for them. Then those of another order,
 * which names zero pages too. Requests do not disturb the recording.
 */
final class RecordedPush implements PushOrder {

    private final PageClaims claims;
    private final Iterator<PagePlace> recording;
    private final PushOrder then;
    private @Nullable PagePlace pending;
    private boolean recorded = true;

    RecordedPush(PageClaims claims, Iterable<PagePlace> recording, PushOrder then) {
        this.claims = claims;
        this.recording = recording.iterator();
        this.then = then;
    }

    @Override
    public Optional<PagePlace> next() {
        PagePlace place = pending;
        while (place == null || !claims.isUnclaimed(place.blockIndex(), place.page())) {
            if (!recording.hasNext()) {
                recorded = false;
                pending = null;
                return then.next();
            }
            place = recording.next();
        }
        pending = place;
        return Optional.of(place);
    }

    @Override
    public void requested(PagePlace hostPage) {
        then.requested(hostPage);
    }

    @Override
    public boolean inRuns() {
        return !recorded;
    }

    @Override
    public boolean pushesZeros() {
        return true;
    }
}
