package dev.godwit.host;

import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.util.List;
import java.util.stream.LongStream;

/** Bitmaps of a layout. */
final class Bitmaps {

    private Bitmaps() {}

    static List<PageBitmap> of(RamLayout layout) {
        return layout.blocks().stream()
                .map(block -> new PageBitmap(block.pages()))
                .toList();
    }

    static LongStream pages(PageBitmap bitmap) {
        return LongStream.iterate(bitmap.nextSet(0), page -> page >= 0, page -> bitmap.nextSet(page + 1));
    }
}
