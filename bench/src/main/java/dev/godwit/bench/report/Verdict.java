package dev.godwit.bench.report;

/**
 * Whether a row reaches a target.
 *
 * @param row the row
 * @param wanted the target in words
 * @param found how the row stands to it, in words
 * @param isReached whether it reaches it
 */
record Verdict(Row row, String wanted, String found, boolean isReached) {}
