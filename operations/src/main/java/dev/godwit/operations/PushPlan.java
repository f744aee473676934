package dev.godwit.operations;

import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;

/**
 * In which order the pages of a snapshot are pushed.
 *
 * @param policy as asked for, or as it suits the snapshot
 * @param recording what stands beside the snapshot
 */
public record PushPlan(PushPolicy policy, Optional<WorkingSet> recording) {

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

    /** {@return the order for what is still to be sent} */
    public PushOrder order(PageClaims claims) {
        return switch (policy) {
            case LINEAR -> PushOrder.linear(claims);
            case FAULT_FORWARD -> PushOrder.faultForward(claims);
            case RECORDED -> PushOrder.recorded(claims, hostPages(claims));
        };
    }

    private Set<PagePlace> hostPages(PageClaims claims) {
        Set<PagePlace> hostPages = new LinkedHashSet<>();
        recording.ifPresent(set -> set.pages()
                .forEach(place -> hostPages.add(
                        new PagePlace(place.blockIndex(), place.page() / claims.pagesInHostPage(place.blockIndex())))));
        return hostPages;
    }
}
