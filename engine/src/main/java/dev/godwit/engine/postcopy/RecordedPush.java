package dev.godwit.engine.postcopy;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * First the pages of a recording, those that are zero too: the guest will ask for them. Then, in the order of the
 * recording, some that lie behind each: whoever made the recording was sent these before they were touched, so they are
 * not in it, and will be touched all the same. Then those of another order, which names zero pages too.
 *
 * <p>A request says that the guest is where the recording is not: some pages behind it go first.
 */
final class RecordedPush implements PushOrder {

    private final PageClaims claims;
    private final List<PagePlace> recording = new ArrayList<>();
    private final long behindBytes;
    private final PushOrder then;
    private int recorded;
    private int behind;
    private int followedBlock;
    private long followedPage;
    private long followedEnd;
    private long pagesInRun;

    /**
     * An order for one restore.
     *
     * @param behindBytes how much behind a page is taken to be touched soon after it
     */
    RecordedPush(PageClaims claims, Iterable<PagePlace> recording, long behindBytes, PushOrder then) {
        this.claims = claims;
        recording.forEach(this.recording::add);
        this.behindBytes = behindBytes;
        this.then = then;
    }

    @Override
    public Optional<PagePlace> next() {
        Optional<PagePlace> next = nextFollowed();
        if (next.isEmpty()) {
            next = nextRecorded();
        }
        if (next.isEmpty()) {
            next = nextBehind();
        }
        if (next.isEmpty()) {
            next = then.next();
            pagesInRun = then.pagesInRun();
        }
        return next;
    }

    private Optional<PagePlace> nextRecorded() {
        for (; recorded < recording.size(); recorded++) {
            PagePlace place = recording.get(recorded);
            if (claims.isUnclaimed(place.blockIndex(), place.page())) {
                pagesInRun = neighbours(place);
                return Optional.of(place);
            }
        }
        return Optional.empty();
    }

    private long neighbours(PagePlace first) {
        int pages = 1;
        while (recorded + pages < recording.size()
                && recording.get(recorded + pages).blockIndex() == first.blockIndex()
                && recording.get(recorded + pages).page() == first.page() + pages) {
            pages++;
        }
        return pages;
    }

    private Optional<PagePlace> nextBehind() {
        Optional<PagePlace> next = Optional.empty();
        while (next.isEmpty() && behind < recording.size()) {
            follow(recording.get(behind++));
            next = nextFollowed();
        }
        return next;
    }

    private void follow(PagePlace place) {
        long pages = Math.max(1, behindBytes / claims.hostPageBytes(place.blockIndex()));
        followedBlock = place.blockIndex();
        followedPage = place.page() + 1;
        followedEnd = Math.min(followedPage + pages, claims.hostPages(place.blockIndex()));
    }

    private Optional<PagePlace> nextFollowed() {
        if (followedPage >= followedEnd) {
            return Optional.empty();
        }
        long found = claims.nextUnclaimed(followedBlock, followedPage);
        if (found < 0 || found >= followedEnd) {
            followedPage = followedEnd;
            return Optional.empty();
        }
        followedPage = found;
        pagesInRun = followedEnd - found;
        return Optional.of(new PagePlace(followedBlock, found));
    }

    @Override
    public void requested(PagePlace hostPage) {
        follow(hostPage);
        then.requested(hostPage);
    }

    @Override
    public long pagesInRun() {
        return pagesInRun;
    }

    @Override
    public boolean pushesZeros() {
        return true;
    }
}
