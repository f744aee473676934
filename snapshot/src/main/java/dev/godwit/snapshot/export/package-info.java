/** Guest memory in the formats of other tools: raw files, ELF core files. */
@NullMarked
package dev.godwit.snapshot.export;

import org.jspecify.annotations.NullMarked;
