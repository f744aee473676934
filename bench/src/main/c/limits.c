/*
 * What this machine allows, without any of Godwit: memory, sockets, disk and userfaultfd, each as plainly as C can.
 *
 *   limits FOLDER MIB ROUNDS
 *
 * Prints a line "NAME<tab>MEASURE<tab>FIGURE" for each round of each limit, "NAME<tab>!<tab>WHY" where it cannot be measured.
 * Socket and disk figures are of random bytes moved by calls of 1 MiB; both ends of a socket are processes of this program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PIECE = 1 << 20, FAULTS = 2000, BITMAP_BYTES = 32 << 20, TMPFS_BYTES = 64 << 20 };

static size_t bytes;
static unsigned char *memory;
static char path[4096];

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double cpu_of(int who)
{
    struct rusage used;
    getrusage(who, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void say(const char *name, const char *measure, double figure)
{
    printf("%s\t%s\t%.6f\n", name, measure, figure);
    fflush(stdout);
}

static void cannot(const char *name, const char *what)
{
    printf("%s\t!\t%s: %s\n", name, what, strerror(errno));
    fflush(stdout);
}

static double gib(void)
{
    return (double)bytes / (1 << 30);
}

static unsigned char *fresh(size_t length)
{
    void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return at;
}

/* --- memory --- */

static void copies(void)
{
    unsigned char *target = fresh(bytes);
    double start = now();
    memcpy(target, memory, bytes);
    say("memcpy into fresh memory", "GiB/s", gib() / (now() - start));
    start = now();
    memcpy(target, memory, bytes);
    say("memcpy", "GiB/s", gib() / (now() - start));
    munmap(target, bytes);
}

/* Zero pages, read as QEMU or Godwit would have to: every long of every page. */
static void zeros(void)
{
    unsigned char *target = fresh(bytes);
    memset(target, 1, bytes); /* pages of its own */
    memset(target, 0, bytes);
    double start = now();
    uint64_t any = 0;
    for (size_t at = 0; at < bytes; at += 64) {
        const uint64_t *line = (const uint64_t *)(target + at);
        any |= line[0] | line[1] | line[2] | line[3] | line[4] | line[5] | line[6] | line[7];
    }
    double seconds = now() - start;
    if (any == 0) {
        say("zero scan", "GiB/s", gib() / seconds);
    }
    munmap(target, bytes);
}

static uint64_t next_random(uint64_t *state) /* xorshift */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The bitmap of 1 TiB of RAM, of which one page of 4096 is set, into another like it. */
static void merges(void)
{
    uint64_t *target = (uint64_t *)fresh(BITMAP_BYTES), *source = (uint64_t *)fresh(BITMAP_BYTES), state = 25;
    size_t words = BITMAP_BYTES / 8;
    memset(target, 0, BITMAP_BYTES); /* pages of its own, where reading alone would share one of zeros */
    memset(source, 0, BITMAP_BYTES);
    for (int set = 0; set < 1 << 16; set++) {
        source[next_random(&state) % words] |= (uint64_t)1 << (state >> 58);
        target[next_random(&state) % words] |= (uint64_t)1 << (state >> 58);
    }
    enum { TIMES = 20 };
    double start = now();
    for (int time = 0; time < TIMES; time++) {
        for (size_t word = 0; word < words; word++) {
            target[word] |= source[word];
        }
        __asm__ volatile("" ::"r"(target) : "memory");
    }
    say("bitmap merge", "GiB/s", (double)TIMES * BITMAP_BYTES / (1 << 30) / (now() - start));
    munmap(target, BITMAP_BYTES);
    munmap(source, BITMAP_BYTES);
}

/* --- XBZRLE: pairs of how many bytes stay and how many change, each ULEB128, and the changed bytes --- */

static uint64_t difference_at(const unsigned char *old, const unsigned char *current, size_t at)
{
    uint64_t one, other;
    memcpy(&one, old + at, 8);
    memcpy(&other, current + at, 8);
    return one ^ other;
}

static unsigned char *put_length(unsigned char *out, size_t length)
{
    if (length >= 128) {
        *out++ = (unsigned char)(length | 128);
        length >>= 7;
    }
    *out++ = (unsigned char)length;
    return out;
}

static size_t encode(const unsigned char *old, const unsigned char *current, unsigned char *out)
{
    unsigned char *first = out;
    size_t at = 0;
    for (;;) {
        size_t kept = at;
        while (at < PAGE && (at % 8 == 0 || old[at] == current[at])) {
            uint64_t difference = at % 8 == 0 ? difference_at(old, current, at) : 0;
            if (difference != 0) {
                at += (size_t)__builtin_ctzll(difference) / 8;
                break;
            }
            at += at % 8 == 0 ? 8 : 1;
        }
        if (at == PAGE) {
            return (size_t)(out - first);
        }
        size_t changed = at;
        while (at < PAGE && old[at] != current[at]) {
            uint64_t difference = at % 8 == 0 ? difference_at(old, current, at) : 0;
            int all = at % 8 == 0 && ((difference - 0x0101010101010101u) & ~difference & 0x8080808080808080u) == 0;
            at += all ? 8 : 1;
        }
        out = put_length(put_length(out, changed - kept), at - changed);
        memcpy(out, current + changed, at - changed);
        out += at - changed;
    }
}

static void deltas(int runs)
{
    static unsigned char old[PAGE], current[PAGE], delta[2 * PAGE];
    uint64_t state = 25;
    memcpy(old, memory, PAGE);
    memcpy(current, memory, PAGE);
    for (int run = 0; run < runs; run++) {
        size_t start = next_random(&state) % (PAGE / 64) * 64;
        for (size_t at = start; at < start + 64; at++) {
            current[at] = (unsigned char)~old[at];
        }
    }
    enum { TIMES = 100000 };
    size_t length = 0;
    double start = now();
    for (int time = 0; time < TIMES; time++) {
        __asm__ volatile("" ::"r"(current) : "memory");
        length += encode(old, current, delta);
    }
    if (length > 0) {
        char name[64];
        snprintf(name, sizeof name, "XBZRLE encode, %d run%s", runs, runs == 1 ? "" : "s");
        say(name, "GiB/s", (double)TIMES * PAGE / (1 << 30) / (now() - start));
    }
}

/* --- sockets --- */

static int drain(int socket)
{
    unsigned char *target = fresh(PIECE);
    ssize_t got;
    while ((got = read(socket, target, PIECE)) > 0) {
    }
    return got < 0;
}

static void send_all(const char *name, int near, pid_t child)
{
    double cpu = cpu_of(RUSAGE_SELF), start = now();
    size_t at = 0;
    while (at < bytes) {
        ssize_t sent = write(near, memory + at, bytes - at < PIECE ? bytes - at : PIECE);
        if (sent < 0) {
            cannot(name, "write");
            break;
        }
        at += (size_t)sent;
    }
    close(near);
    int status;
    waitpid(child, &status, 0);
    double seconds = now() - start;
    if (at == bytes && status == 0) {
        say(name, "GiB/s", gib() / seconds);
        say(name, "cpu-s/GiB", (cpu_of(RUSAGE_SELF) - cpu) / gib());
    }
}

static void over_unix(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) {
        cannot("loopback unix", "socketpair");
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(drain(ends[1]));
    }
    close(ends[1]);
    send_all("loopback unix", ends[0], child);
}

static void over_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0
        || getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
        cannot("loopback tcp", "listen");
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        int far = accept(listener, NULL, NULL);
        _exit(far < 0 || drain(far));
    }
    close(listener);
    int near = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(near, (struct sockaddr *)&address, length) < 0) {
        cannot("loopback tcp", "connect");
        close(near);
        waitpid(child, NULL, 0);
        return;
    }
    send_all("loopback tcp", near, child);
}

/* --- disk --- */

static void write_file(const char *name, int flags)
{
    unlink(path);
    double cpu = cpu_of(RUSAGE_SELF), start = now();
    int file = open(path, O_CREAT | O_WRONLY | flags, 0600);
    if (file < 0) {
        cannot(name, "open");
        return;
    }
    for (size_t at = 0; at < bytes; at += PIECE) {
        if (pwrite(file, memory + at, PIECE, (off_t)at) != PIECE) {
            cannot(name, "pwrite");
            close(file);
            return;
        }
    }
    if (fsync(file) < 0) {
        cannot(name, "fsync");
    } else {
        say(name, "GiB/s", gib() / (now() - start));
        say(name, "cpu-s/GiB", (cpu_of(RUSAGE_SELF) - cpu) / gib());
    }
    close(file);
}

static void read_file(const char *name, int flags, int is_cold)
{
    int file = open(path, O_RDONLY | flags);
    if (file < 0) {
        cannot(name, "open");
        return;
    }
    if (is_cold) {
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    }
    unsigned char *target = fresh(PIECE);
    double cpu = cpu_of(RUSAGE_SELF), start = now();
    for (size_t at = 0; at < bytes; at += PIECE) {
        if (pread(file, target, PIECE, (off_t)at) != PIECE) {
            cannot(name, "pread");
            break;
        }
        if (at + PIECE == bytes) {
            say(name, "GiB/s", gib() / (now() - start));
            say(name, "cpu-s/GiB", (cpu_of(RUSAGE_SELF) - cpu) / gib());
        }
    }
    munmap(target, PIECE);
    close(file);
}

/* Over a file that has its pages already. */
static void write_tmpfs(const char *name, size_t piece)
{
    char shared[64];
    snprintf(shared, sizeof shared, "/dev/shm/godwit-limits-%d", getpid());
    int file = open(shared, O_CREAT | O_RDWR, 0600);
    if (file < 0) {
        cannot(name, "open");
        return;
    }
    unlink(shared);
    double start = 0;
    for (int time = 0; time < 2; time++) {
        start = now();
        for (size_t at = 0; at < TMPFS_BYTES; at += piece) {
            if (pwrite(file, memory + at % bytes, piece, (off_t)at) != (ssize_t)piece) {
                cannot(name, "pwrite");
                close(file);
                return;
            }
        }
    }
    say(name, "GiB/s", (double)TMPFS_BYTES / (1 << 30) / (now() - start));
    close(file);
}

static void disk(void)
{
    write_tmpfs("tmpfs write by 4 KiB", PAGE);
    write_tmpfs("tmpfs write by 1 MiB", PIECE);
    write_file("disk write, direct, synced", O_DIRECT);
    write_file("disk write, buffered, synced", 0);
    read_file("disk read, warm", 0, 0);
    read_file("disk read, cold", 0, 1);
    read_file("disk read, direct", O_DIRECT, 1);
    unlink(path);
}

/* --- userfaultfd: from the touch of a page to the toucher's going on, served by another thread --- */

struct serving {
    int descriptor;
    int is_protect;
    unsigned char *source;
};

static void *serve(void *given)
{
    struct serving *serving = given;
    for (int served = 0; served < FAULTS; served++) {
        struct uffd_msg message;
        if (read(serving->descriptor, &message, sizeof message) != sizeof message) {
            perror("limits: userfaultfd");
            _exit(1); /* the toucher would wait for ever */
        }
        uint64_t address = message.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
        if (serving->is_protect) {
            struct uffdio_writeprotect release = {.range = {address, PAGE}, .mode = 0};
            ioctl(serving->descriptor, UFFDIO_WRITEPROTECT, &release);
        } else {
            struct uffdio_copy copy = {.dst = address, .src = (uint64_t)serving->source, .len = PAGE};
            ioctl(serving->descriptor, UFFDIO_COPY, &copy);
        }
    }
    return NULL;
}

static int compare(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static void faults(const char *name, int is_protect)
{
    static double waited[FAULTS];
    size_t length = (size_t)FAULTS * PAGE;
    int descriptor = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API, .features = is_protect ? UFFD_FEATURE_PAGEFAULT_FLAG_WP : 0};
    if (descriptor < 0 || ioctl(descriptor, UFFDIO_API, &api) < 0) {
        cannot(name, "userfaultfd");
        return;
    }
    unsigned char *target = fresh(length);
    madvise(target, length, MADV_NOHUGEPAGE);
    if (is_protect) {
        memset(target, 1, length);
    }
    struct uffdio_register range = {.range = {(uint64_t)target, length},
                                    .mode = is_protect ? UFFDIO_REGISTER_MODE_WP : UFFDIO_REGISTER_MODE_MISSING};
    struct uffdio_writeprotect protect = {.range = {(uint64_t)target, length}, .mode = UFFDIO_WRITEPROTECT_MODE_WP};
    if (ioctl(descriptor, UFFDIO_REGISTER, &range) < 0 || (is_protect && ioctl(descriptor, UFFDIO_WRITEPROTECT, &protect) < 0)) {
        cannot(name, "register");
        close(descriptor);
        return;
    }
    struct serving serving = {descriptor, is_protect, memory};
    pthread_t server;
    pthread_create(&server, NULL, serve, &serving);
    for (int fault = 0; fault < FAULTS; fault++) {
        double start = now();
        *(volatile unsigned char *)(target + (size_t)fault * PAGE) = 2;
        waited[fault] = (now() - start) * 1e6;
    }
    pthread_join(server, NULL);
    qsort(waited, FAULTS, sizeof waited[0], compare);
    say(name, "us, half of them", waited[FAULTS / 2]);
    say(name, "us, 99 %", waited[FAULTS * 99 / 100]);
    close(descriptor);
    munmap(target, length);
}

int main(int count, char **arguments)
{
    if (count != 4) {
        fputs("limits FOLDER MIB ROUNDS\n", stderr);
        return 2;
    }
    bytes = (size_t)atol(arguments[2]) << 20;
    snprintf(path, sizeof path, "%s/limits-%d", arguments[1], getpid());
    memory = fresh(bytes);
    uint64_t state = 25;
    for (size_t at = 0; at < bytes; at += 8) {
        uint64_t word = next_random(&state);
        memcpy(memory + at, &word, 8);
    }
    for (int round = atoi(arguments[3]); round > 0; round--) {
        copies();
        zeros();
        merges();
        deltas(1);
        deltas(6);
        deltas(32);
        over_unix();
        over_tcp();
        disk();
        faults("userfaultfd missing", 0);
        faults("userfaultfd write-protect", 1);
    }
    return 0;
}
