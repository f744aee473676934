package dev.godwit.cli;

import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.ram.Page;
import dev.godwit.xen.SaveLines;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Tells the rounds of a migration in the words of Xen's saver, each when it is known whether the guest was stopped
 * after it.
 */
final class XenRounds implements Consumer<MigrationStatus> {

    private final Consumer<String> out;
    private @Nullable SaveLines lines;
    private long told;

    XenRounds(Consumer<String> out) {
        this.out = out;
    }

    @Override
    public void accept(MigrationStatus status) {
        List<SaveLines.Iteration> iterations = RoundsOutput.of(status.all()).iterations();
        for (int i = 0; i < iterations.size(); i++) {
            SaveLines.Iteration iteration = iterations.get(i);
            boolean known = iteration.last() || i + 1 < iterations.size();
            if (known && iteration.number() > told) {
                told = iteration.number();
                boolean lastNext = !iteration.last() && iterations.get(i + 1).last();
                text(status).of(iteration, lastNext).forEach(out);
            }
        }
    }

    private SaveLines text(MigrationStatus status) {
        if (lines == null) {
            long bytes = status.all()
                    .object("ram")
                    .orElse(JsonObject.empty())
                    .wholeNumber("total")
                    .orElse(0);
            lines = new SaveLines(bytes / Page.SIZE_BYTES);
        }
        return lines;
    }
}
