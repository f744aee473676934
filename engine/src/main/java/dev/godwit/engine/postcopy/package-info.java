/** Postcopy as the source of it sees it: which pages are claimed, which come next, who waits for one. */
package dev.godwit.engine.postcopy;
