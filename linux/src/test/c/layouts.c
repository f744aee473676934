// Prints what this machine's headers say of the structures and constants that dev.godwit.linux lays out by hand.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#define SIZE(type) printf(#type " %zu\n", sizeof(struct type))
#define FIELD(type, field) printf(#type "." #field " %zu\n", offsetof(struct type, field))
#define VALUE(name) printf(#name " %lu\n", (unsigned long) (name))
int main(void) {
    SIZE(uffdio_api);
    FIELD(uffdio_api, api);
    FIELD(uffdio_api, features);
    FIELD(uffdio_api, ioctls);
    SIZE(statx);
    FIELD(statx, stx_mask);
    FIELD(statx, stx_blksize);
    FIELD(statx, stx_attributes);
    FIELD(statx, stx_nlink);
    FIELD(statx, stx_ino);
    FIELD(statx, stx_size);
    FIELD(statx, stx_blocks);
    SIZE(winsize);
    FIELD(winsize, ws_row);
    FIELD(winsize, ws_col);
    FIELD(winsize, ws_xpixel);
    FIELD(winsize, ws_ypixel);
    SIZE(utsname);
    FIELD(utsname, sysname);
    FIELD(utsname, nodename);
    FIELD(utsname, release);
    FIELD(utsname, version);
    FIELD(utsname, machine);
    FIELD(utsname, domainname);
    VALUE(UFFDIO_API);
    VALUE(UFFD_API);
    VALUE(SYS_userfaultfd);
    VALUE(TIOCGWINSZ);
    VALUE(KVM_GET_API_VERSION);
    VALUE(O_RDWR);
    VALUE(O_CREAT);
    VALUE(O_EXCL);
    VALUE(O_DIRECT);
    VALUE(O_CLOEXEC);
    VALUE(SEEK_DATA);
    VALUE(SEEK_HOLE);
    VALUE(AT_EMPTY_PATH);
    VALUE(STATX_BASIC_STATS);
    VALUE(FALLOC_FL_KEEP_SIZE);
    VALUE(FALLOC_FL_PUNCH_HOLE);
    VALUE(POSIX_FADV_DONTNEED);
    VALUE(LOCK_EX);
    VALUE(LOCK_NB);
    VALUE(EPERM);
    VALUE(ENOENT);
    VALUE(EINTR);
    VALUE(ENXIO);
    VALUE(EBADF);
    VALUE(EAGAIN);
    VALUE(EACCES);
    VALUE(EEXIST);
    VALUE(EINVAL);
    VALUE(ENOTTY);
    VALUE(EFBIG);
    VALUE(ENOSPC);
    VALUE(EISDIR);
    VALUE(EROFS);
    VALUE(ENOSYS);
    VALUE(EOPNOTSUPP);
    VALUE(EDQUOT);
    VALUE(ESRCH);
    VALUE(ENOMEM);
    VALUE(EFAULT);
    VALUE(EBUSY);
    VALUE(ENODEV);
    VALUE(EPIPE);
    VALUE(ENAMETOOLONG);
    VALUE(EMSGSIZE);
    VALUE(EADDRINUSE);
    VALUE(ECONNRESET);
    VALUE(ENOTCONN);
    VALUE(ETIMEDOUT);
    VALUE(ECONNREFUSED);
#ifdef USERFAULTFD_IOC_NEW
    VALUE(USERFAULTFD_IOC_NEW);
#endif
#ifdef UFFD_USER_MODE_ONLY
    VALUE(UFFD_USER_MODE_ONLY);
#endif
#define FEATURE(name) printf("UFFD_FEATURE_" #name " %lu\n", (unsigned long) UFFD_FEATURE_##name)
    FEATURE(PAGEFAULT_FLAG_WP);
    FEATURE(EVENT_FORK);
    FEATURE(EVENT_REMAP);
    FEATURE(EVENT_REMOVE);
    FEATURE(MISSING_HUGETLBFS);
    FEATURE(MISSING_SHMEM);
    FEATURE(EVENT_UNMAP);
    FEATURE(SIGBUS);
    FEATURE(THREAD_ID);
#ifdef UFFD_FEATURE_MINOR_SHMEM
    FEATURE(MINOR_HUGETLBFS);
    FEATURE(MINOR_SHMEM);
#endif
#ifdef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
    FEATURE(EXACT_ADDRESS);
    FEATURE(WP_HUGETLBFS_SHMEM);
#endif
#ifdef UFFD_FEATURE_WP_UNPOPULATED
    FEATURE(WP_UNPOPULATED);
#endif
#ifdef UFFD_FEATURE_POISON
    FEATURE(POISON);
#endif
#ifdef UFFD_FEATURE_WP_ASYNC
    FEATURE(WP_ASYNC);
#endif
#ifdef UFFD_FEATURE_MOVE
    FEATURE(MOVE);
#endif
    return 0;
}
