package dev.godwit.operations;

import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * In which order the pages of a snapshot are pushed.
 *
 * @param policy as asked for, or as it suits the snapshot
 * @param recording what stands beside the snapshot
 */
public record PushPlan(PushPolicy policy, Optional<WorkingSet> recording) {

    /** A connection within a host brings this in a few milliseconds. */
    private static final long MOST_EARLY_BYTES = 4 << 20;

    /** What a page without content is taken for: its destination looks at it all the same. */
    private static final long ZERO_RECORD_BYTES = 2048;

    /**
     * {@return the plan for a snapshot}
     *
     * @param wanted empty for recorded where there is a recording, and fault-forward otherwise
     * @throws IOException if a recording is wanted and there is none, or it is damaged
     */
    public static PushPlan of(Optional<PushPolicy> wanted, Snapshot snapshot) throws IOException {
        Optional<WorkingSet> recording = WorkingSet.of(snapshot);
        if (wanted.equals(Optional.of(PushPolicy.RECORDED)) && recording.isEmpty()) {
            throw new IOException("there is no recording of this snapshot at " + WorkingSet.pathFor(snapshot.path())
                    + "; a lazy restore with --record makes one");
        }
        return new PushPlan(
                wanted.orElse(recording.isPresent() ? PushPolicy.RECORDED : PushPolicy.FAULT_FORWARD), recording);
    }

    /**
     * Has the recording's pages read from the disk from now on, by a thread of its own. Where that fails the pages are
     * read when they are sent, and who sends them says what is wrong.
     */
    void readAhead(Snapshot snapshot) {
        if (policy == PushPolicy.RECORDED && recording.isPresent()) {
            List<PagePlace> pages = recording.get().pages();
            Thread.ofPlatform().daemon().name("read-ahead").start(() -> {
                try {
                    snapshot.readAhead(pages);
                } catch (IOException _) {
                    // closed meanwhile, or a file system that cannot: nothing is lost but time
                }
            });
        }
    }

    /** {@return the order for what is still to be sent} */
    public PushOrder order(PageClaims claims) {
        return switch (policy) {
            case LINEAR -> PushOrder.linear(claims);
            case FAULT_FORWARD -> PushOrder.faultForward(claims);
            case RECORDED -> PushOrder.recorded(claims, hostPages(claims));
        };
    }

    /**
     * {@return what is sent before the guest runs: the beginning of the recording, so little that the start is not held
     * up}
     */
    List<PagePlace> beforeRun(PageClaims claims) {
        if (policy != PushPolicy.RECORDED) {
            return List.of();
        }
        List<PagePlace> early = new ArrayList<>();
        long leftBytes = Math.min(MOST_EARLY_BYTES, claims.layout().totalBytes() / 2);
        for (PagePlace place : hostPages(claims)) {
            leftBytes -= claims.isToPush(place.blockIndex(), place.page())
                    ? claims.hostPageBytes(place.blockIndex())
                    : ZERO_RECORD_BYTES;
            if (leftBytes < 0) {
                break;
            }
            early.add(place);
        }
        return early;
    }

    private Set<PagePlace> hostPages(PageClaims claims) {
        Set<PagePlace> hostPages = new LinkedHashSet<>();
        recording.ifPresent(set -> set.pages()
                .forEach(place -> hostPages.add(
                        new PagePlace(place.blockIndex(), place.page() / claims.pagesInHostPage(place.blockIndex())))));
        return hostPages;
    }
}
