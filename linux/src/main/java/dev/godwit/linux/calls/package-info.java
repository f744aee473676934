/**
 * The kernel's and libc's own words: one method a call, which answers the result where it succeeded and minus the errno
 * where it failed. Numbers are addresses, lengths and descriptors as they are: nothing here is checked, owned or
 * closed. Not exported: the packages of this room build their owners on it.
 */
@NullMarked
package dev.godwit.linux.calls;

import org.jspecify.annotations.NullMarked;
