package dev.godwit.samples;

import dev.godwit.operations.machine.LiveMachine;
import java.io.IOException;

/** Takes a table over from another process, goes on with it, and says what it holds: {@code TakeTable KEYS URI}. */
public final class TakeTable {

    private TakeTable() {}

    /** Says {@code listening}, then, when the table is here, {@code arrived SUM WRITES}. */
    public static void main(String[] arguments) throws IOException {
        long keys = Long.parseLong(arguments[0]);
        OffHeapTable.Hosted hosted = OffHeapTable.create(keys);
        try (LiveMachine live = LiveMachine.listen(hosted.machine(), arguments[1])) {
            System.out.println("listening");
            live.awaitArrival();
            hosted.table().add(0, 1); // it serves again, here
            long sum = 0;
            for (long key = 0; key < keys; key++) {
                sum += hosted.table().get(key);
            }
            System.out.println("arrived " + sum + " " + hosted.table().writes());
        }
    }
}
