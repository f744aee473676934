package dev.godwit.engine.postcopy;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/**
 * What Flight Recorder sees of a postcopy. The fields are read by it, and by nobody else. Without a recording none of
 * the events is touched: the first of them would start Flight Recorder, which takes tens of milliseconds, in the thread
 * for whose page a vCPU waits.
 */
public final class PostcopyEvents {

    private static final String CATEGORY = "Godwit";

    private PostcopyEvents() {}

    /** A guest is about to run at its destination. */
    @Name("dev.godwit.GuestRuns")
    @Label("Guest Runs")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class GuestRuns extends Event {
        @Label("Machine Type")
        String machineType = "";

        @Label("Until Run")
        @Timespan
        long untilRun;
    }

    /** A page that the guest waited for was sent. */
    @Name("dev.godwit.PageRequest")
    @Label("Page Request")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class PageRequest extends Event {
        @Label("Block")
        int block;

        @Label("Host Page")
        long hostPage;

        @Label("Bytes")
        @DataAmount
        long bytes;

        @Label("Zero")
        boolean zero;

        @Label("Latency")
        @Description("From the request to its page in the connection")
        @Timespan
        long latency;
    }

    /** How far a postcopy is: now and then while it goes on, and at its end. */
    @Name("dev.godwit.PostcopyTotals")
    @Label("Postcopy Totals")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class PostcopyTotals extends Event {
        @Label("Requests")
        long requests;

        @Label("Requested")
        @DataAmount
        long requestedBytes;

        @Label("Pushed")
        @DataAmount
        long pushedBytes;

        @Label("To Be Pushed")
        @DataAmount
        long bytesToPush;

        @Label("Median Latency")
        @Timespan
        long medianLatency;

        @Label("99th Percentile of Latency")
        @Timespan
        long p99Latency;

        @Label("Longest Latency")
        @Timespan
        long longestLatency;

        @Label("Complete")
        boolean complete;
    }

    /** {@return whether somebody may record them} */
    public static boolean mayBeRecorded() {
        return FlightRecorder.isInitialized();
    }

    /** Tells that a guest runs, so many nanoseconds after its restore began. */
    public static void guestRuns(String machineType, long untilRunNs) {
        if (!mayBeRecorded()) {
            return;
        }
        GuestRuns event = new GuestRuns();
        if (event.shouldCommit()) {
            event.machineType = machineType;
            event.untilRun = untilRunNs;
            event.commit();
        }
    }

    static void served(PagePlace hostPage, long bytes, boolean zero, long latencyNs) {
        if (!mayBeRecorded()) {
            return;
        }
        PageRequest event = new PageRequest();
        if (event.shouldCommit()) {
            event.block = hostPage.blockIndex();
            event.hostPage = hostPage.page();
            event.bytes = bytes;
            event.zero = zero;
            event.latency = latencyNs;
            event.commit();
        }
    }

    /** Tells how far it is. */
    public static void totals(PostcopyCounters counters, long bytesToPush, boolean complete) {
        if (!mayBeRecorded()) {
            return;
        }
        PostcopyTotals event = new PostcopyTotals();
        if (event.shouldCommit()) {
            PostcopyCounters.Totals totals = counters.totals();
            event.requests = totals.requests();
            event.requestedBytes = totals.requestedBytes();
            event.pushedBytes = totals.pushedBytes();
            event.bytesToPush = bytesToPush;
            event.medianLatency = totals.medianNs();
            event.p99Latency = totals.p99Ns();
            event.longestLatency = totals.longestNs();
            event.complete = complete;
            event.commit();
        }
    }
}
