package dev.godwit.linux;

/**
 * What the kernel knows of a file.
 *
 * @param lengthBytes where it ends
 * @param allocatedBytes what it takes on the disk: holes cost nothing
 * @param inode its number on its file system
 * @param links how many names it has; 0 once it was removed
 */
public record FileStatus(long lengthBytes, long allocatedBytes, long inode, int links) {}
