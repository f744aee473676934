package dev.godwit.linux;

/**
 * Who is at the other end of a unix socket, by the kernel's word.
 *
 * @param processId its process when it connected or listened
 * @param userId its user
 * @param groupId its group
 */
public record PeerCredentials(int processId, int userId, int groupId) {}
