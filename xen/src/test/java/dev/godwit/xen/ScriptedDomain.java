package dev.godwit.xen;

import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A domain whose guest and device model write what a scenario says: lines {@code KIND N FRAME[-FRAME]...}, where P, C
 * are the guest before the N-th PEEK, CLEAN is answered, Q the device model before the N-th CLEAN, S the guest before
 * it is suspended. Frame p holds the words p and its generation again and again.
 */
final class ScriptedDomain implements Hvm2007Domain {

    private static final long FIRST_WRITTEN_GENERATION = 0x1000_0000L;

    private final long pages;
    private final WordSize words;
    private final Map<String, List<Long>> script = new HashMap<>();
    private final Map<Long, Long> generations = new HashMap<>();
    private final SpecialFrames specials;
    private final byte[] hvmContext;
    final Set<Long> unmappable = new HashSet<>();
    final Deque<State> states = new ArrayDeque<>();
    final List<String> calls = new ArrayList<>();
    private PageBitmap log = new PageBitmap(1);
    private DeviceDirtyMaps maps = new DeviceDirtyMaps(new FrameSpace(0xC0));
    private long generation = FIRST_WRITTEN_GENERATION;
    private int peeks;
    private int cleans;

    ScriptedDomain(long pages, FrameSpace space, WordSize words, byte[] hvmContext, String scenario) {
        this.pages = pages;
        this.words = words;
        this.specials = space.specialFrames();
        this.hvmContext = hvmContext.clone();
        scenario.lines().forEach(this::addLine);
    }

    private void addLine(String line) {
        String[] parts = line.strip().split(" ", -1);
        List<Long> frames = script.computeIfAbsent(parts[0] + parts[1], _ -> new ArrayList<>());
        for (int i = 2; i < parts.length; i++) {
            String[] range = parts[i].split("-", -1);
            long end = Long.parseLong(range[range.length - 1], 16);
            for (long frame = Long.parseLong(range[0], 16); frame <= end; frame++) {
                frames.add(frame);
            }
        }
    }

    private void guestWrites(String step) {
        for (long frame : script.getOrDefault(step, List.of())) {
            log.set(frame);
            generations.put(frame, ++generation);
        }
    }

    private void deviceModelWrites(String step) {
        for (long frame : script.getOrDefault(step, List.of())) {
            maps.mark(frame);
            generations.put(frame, ++generation);
        }
    }

    @Override
    public long pages() {
        return pages;
    }

    @Override
    public SpecialFrames specialFrames() {
        return specials;
    }

    @Override
    public void enableDirtyLog(FrameSpace space) {
        calls.add("enable");
        log = new PageBitmap(space.frames());
    }

    @Override
    public void peekDirtyLog(PageBitmap target) {
        guestWrites("P" + ++peeks);
        copyLog(target);
    }

    @Override
    public void cleanDirtyLog(PageBitmap target) {
        guestWrites("C" + ++cleans);
        deviceModelWrites("Q" + cleans);
        copyLog(target);
        log = new PageBitmap(target.pages());
    }

    private void copyLog(PageBitmap target) {
        target.clear(0, target.pages());
        target.or(log);
    }

    @Override
    public void disableDirtyLog() {
        calls.add("disable");
    }

    @Override
    public void shareWithDeviceModel(DeviceDirtyMaps shared) {
        maps = shared;
    }

    @Override
    public void suspend() {
        calls.add("suspend");
        guestWrites("S1");
    }

    @Override
    public State state() {
        return states.isEmpty() ? State.SUSPENDED : states.remove();
    }

    @Override
    public void unpause() {
        calls.add("unpause");
    }

    @Override
    public boolean read(long frame, MemorySegment target) throws IOException {
        if (unmappable.contains(frame)) {
            return false;
        }
        long written = generations.getOrDefault(frame, frame + 1);
        for (long at = 0; at < Page.SIZE_BYTES; at += 2L * words.bytes()) {
            if (words == WordSize.BITS_64) {
                target.set(Layouts.U64, at, frame);
                target.set(Layouts.U64, at + 8, written);
            } else {
                target.set(Layouts.U32, at, (int) frame);
                target.set(Layouts.U32, at + 4, (int) written);
            }
        }
        return true;
    }

    @Override
    public List<MemorySegment> vcpuContexts() {
        boolean wide = words == WordSize.BITS_64;
        List<MemorySegment> contexts = new ArrayList<>();
        for (int vcpu = 0; vcpu < 2; vcpu++) {
            MemorySegment context = MemorySegment.ofArray(new byte[words.vcpuContextBytes()]);
            context.set(Layouts.U32, 512, 0x20); // online
            context.set(Layouts.U32, wide ? 648 : 548, 0x1000 + vcpu); // instruction pointer
            context.set(Layouts.U32, wide ? 4984 : 2716, 0x80000011); // CR0
            contexts.add(context);
        }
        return contexts;
    }

    @Override
    public MemorySegment hvmContext() {
        return MemorySegment.ofArray(hvmContext);
    }
}
