/** The page of {@code ./godwit bench}: what was measured, held against the targets. */
@NullMarked
package dev.godwit.bench.report;

import org.jspecify.annotations.NullMarked;
