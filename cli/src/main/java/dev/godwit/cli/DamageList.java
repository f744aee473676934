package dev.godwit.cli;

import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.ram.Page;
import dev.godwit.snapshot.Damage;
import dev.godwit.snapshot.VerificationReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.core.JsonGenerator;

/** Damages for people and for programs: pages with their guest physical addresses, neighbours joined to ranges. */
final class DamageList {

    private final VerificationReport report;
    private final Optional<MachineMemoryMap> map;

    /**
     * A list.
     *
     * @param map where the blocks lie; empty where that is not known
     */
    DamageList(VerificationReport report, Optional<MachineMemoryMap> map) {
        this.report = report;
        this.map = map;
    }

    /** Pages of one kind of damage, one behind the other in block, file and guest physical memory. */
    private record Run(
            String blockId,
            int blockIndex,
            boolean stale,
            long offsetBytes,
            long pages,
            long positionBytes,
            OptionalLong gpa) {

        boolean isFollowedBy(Run next) {
            long lengthBytes = pages * Page.SIZE_BYTES;
            return blockIndex == next.blockIndex
                    && stale == next.stale
                    && offsetBytes + lengthBytes == next.offsetBytes
                    && gpa.isPresent() == next.gpa.isPresent()
                    && (gpa.isEmpty() || gpa.getAsLong() + lengthBytes == next.gpa.getAsLong());
        }

        String describe() {
            StringBuilder text = new StringBuilder("block ").append(blockId);
            text.append(", offset ").append(range(offsetBytes));
            gpa.ifPresent(address -> text.append(", guest physical ").append(range(address)));
            text.append(": ").append(pages == 1 ? "1 page " : pages + " pages ");
            return text.append(stale ? "not present, but the place holds data" : "damaged")
                    .append(" (file 0x%x)".formatted(positionBytes))
                    .toString();
        }

        private String range(long start) {
            return pages == 1
                    ? "0x%x".formatted(start)
                    : "0x%x-0x%x".formatted(start, start + pages * Page.SIZE_BYTES - 1);
        }
    }

    /** {@return a line for each damage, or for each range of damaged pages} */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        Optional<Run> open = Optional.empty();
        for (Damage damage : report.damages()) {
            Optional<Run> run = run(damage);
            if (open.isPresent() && run.isPresent() && open.get().isFollowedBy(run.get())) {
                open = Optional.of(longer(open.get()));
                continue;
            }
            open.ifPresent(ended -> lines.add(ended.describe()));
            open = run;
            if (run.isEmpty()) {
                lines.add("%s (file 0x%x)".formatted(damage.describe(), damage.positionBytes()));
            }
        }
        open.ifPresent(ended -> lines.add(ended.describe()));
        return lines;
    }

    private static Run longer(Run run) {
        return new Run(
                run.blockId(),
                run.blockIndex(),
                run.stale(),
                run.offsetBytes(),
                run.pages() + 1,
                run.positionBytes(),
                run.gpa());
    }

    private Optional<Run> run(Damage damage) {
        return switch (damage) {
            case Damage.Page page ->
                Optional.of(run(page.blockId(), page.blockIndex(), false, page.offsetBytes(), page.positionBytes()));
            case Damage.StalePage page ->
                Optional.of(run(page.blockId(), page.blockIndex(), true, page.offsetBytes(), page.positionBytes()));
            case Damage.UncheckedPages _,
                    Damage.Bitmap _,
                    Damage.Header _,
                    Damage.DeviceSection _,
                    Damage.VmDescription _,
                    Damage.InTrailer _,
                    Damage.BitmapsNeverWritten _,
                    Damage.Structure _ -> Optional.empty();
        };
    }

    private Run run(String blockId, int blockIndex, boolean stale, long offsetBytes, long positionBytes) {
        return new Run(blockId, blockIndex, stale, offsetBytes, 1, positionBytes, gpa(blockIndex, offsetBytes));
    }

    private OptionalLong gpa(int blockIndex, long offsetBytes) {
        return map.isPresent() ? map.get().gpa(blockIndex, offsetBytes) : OptionalLong.empty();
    }

    /** Writes an array with every damage, each page on its own. */
    void write(JsonGenerator json) {
        json.writeArrayPropertyStart("damages");
        for (Damage damage : report.damages()) {
            json.writeStartObject();
            json.writeStringProperty("kind", damage.getClass().getSimpleName());
            json.writeStringProperty("text", damage.describe());
            json.writeNumberProperty("positionBytes", damage.positionBytes());
            run(damage).ifPresent(page -> {
                json.writeStringProperty("block", page.blockId());
                json.writeNumberProperty("offsetBytes", page.offsetBytes());
                page.gpa().ifPresent(address -> json.writeNumberProperty("guestPhysicalAddress", address));
            });
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
