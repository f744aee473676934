/** The snapshot file: written, opened, verified, compared. */
@NullMarked
package dev.godwit.snapshot;

import org.jspecify.annotations.NullMarked;
