package dev.godwit.workload;

/**
 * An endless sequence of visits to the members 0 … n-1 of a set, of which every part is computed without what came
 * before: this is what lets a destination know each page's generation from a number of steps alone.
 */
sealed interface VisitOrder {

    /** {@return the member of a visit, counted from 0} */
    long memberAt(long visit);

    /** {@return how often the member of this visit was visited before it} */
    long earlierVisits(long visit);

    /** {@return how often a member is among the first {@code visits} visits} */
    long visitsOf(long member, long visits);

    /** {@return the order of a pattern over a set} */
    static VisitOrder of(WorkloadPattern pattern, long members, long key) {
        return switch (pattern) {
            case SEQUENTIAL -> new Sequential(members);
            case RANDOM -> new Shuffled(members, key);
            case ZIPF -> new Zipf(members, key);
        };
    }

    /** From the first member to the last, again and again. */
    record Sequential(long members) implements VisitOrder {

        @Override
        public long memberAt(long visit) {
            return visit % members;
        }

        @Override
        public long earlierVisits(long visit) {
            return visit / members;
        }

        @Override
        public long visitsOf(long member, long visits) {
            return visits / members + (member < visits % members ? 1 : 0);
        }
    }

    /** Laps in which each member comes once, each lap in another order. */
    record Shuffled(long members, long key) implements VisitOrder {

        @Override
        public long memberAt(long visit) {
            return PagePermutation.at(visit % members, members, lapKey(visit / members));
        }

        @Override
        public long earlierVisits(long visit) {
            return visit / members;
        }

        @Override
        public long visitsOf(long member, long visits) {
            long laps = visits / members;
            return laps + (PagePermutation.placeOf(member, members, lapKey(laps)) < visits % members ? 1 : 0);
        }

        private long lapKey(long lap) {
            return Mixing.mix(key, lap);
        }
    }

    /**
     * Zipf's law in steps of a power of two: ranks 1, 2–3, 4–7 … are visited in turn, so that each such class has the
     * same share of the visits, and a member of rank r about 1/r of them. Which member has which rank looks random.
     */
    record Zipf(long members, long key) implements VisitOrder {

        @Override
        public long memberAt(long visit) {
            int rankClass = (int) (visit % classes());
            long rank = firstRank(rankClass) + order(rankClass).memberAt(visit / classes());
            return PagePermutation.at(rank, members, key);
        }

        @Override
        public long earlierVisits(long visit) {
            return order((int) (visit % classes())).earlierVisits(visit / classes());
        }

        @Override
        public long visitsOf(long member, long visits) {
            long rank = PagePermutation.placeOf(member, members, key);
            int rankClass = Math.min(63 - Long.numberOfLeadingZeros(rank + 1), classes() - 1);
            long classVisits = visits / classes() + (rankClass < visits % classes() ? 1 : 0);
            return order(rankClass).visitsOf(rank - firstRank(rankClass), classVisits);
        }

        /** The last class takes what is left: one to three times as many as its power of two. */
        private int classes() {
            return 63 - Long.numberOfLeadingZeros(members + 1);
        }

        private static long firstRank(int rankClass) {
            return (1L << rankClass) - 1;
        }

        private VisitOrder order(int rankClass) {
            long first = firstRank(rankClass);
            long length = rankClass == classes() - 1 ? members - first : first + 1;
            return new Shuffled(length, key + rankClass);
        }
    }
}
