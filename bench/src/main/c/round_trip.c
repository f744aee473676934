/*
 * How long a page takes that is asked for over a socket, with nothing in between: the yardstick of bench/postcopy-comparison.
 *
 *   round_trip socket unix|tcp COUNT     a request of 16 bytes, a page as answer
 *   round_trip fault unix|tcp COUNT      the same, asked for by a thread that reads a userfaultfd, placed by one that
 *                                        receives, and waited for by a third one that touches the page
 *
 * Prints the median, the 99th percentile and the longest, in nanoseconds, on one line.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, REQUEST = 16, HEADER = 8 };

static int asking, answering, faults;
static char *memory;
static long count;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void all(int descriptor, void *bytes, size_t length, int out)
{
    for (size_t done = 0; done < length;) {
        ssize_t part = out ? write(descriptor, (char *) bytes + done, length - done)
                           : read(descriptor, (char *) bytes + done, length - done);
        if (part <= 0)
            exit(0); /* the other side has all it wanted */
        done += part;
    }
}

/* The source: answers each request with the number that was asked for and a page. */
static void *answer(void *unused)
{
    static char reply[HEADER + PAGE];
    char request[REQUEST];
    memset(reply, 7, sizeof reply);
    while (1) {
        all(answering, request, sizeof request, 0);
        memcpy(reply, request, HEADER);
        all(answering, reply, sizeof reply, 1);
    }
    return unused;
}

static void ask(long page)
{
    char request[REQUEST] = {0};
    memcpy(request, &page, sizeof page);
    all(asking, request, sizeof request, 1);
}

static void *hear_faults(void *unused)
{
    struct uffd_msg message;
    while (read(faults, &message, sizeof message) == sizeof message)
        ask((message.arg.pagefault.address - (unsigned long) memory) / PAGE);
    return unused;
}

static void *place(void *unused)
{
    static char reply[HEADER + PAGE] __attribute__((aligned(4096)));
    while (1) {
        long page;
        all(asking, reply, sizeof reply, 0);
        memcpy(&page, reply, sizeof page);
        struct uffdio_copy copy = {.dst = (unsigned long) memory + page * PAGE,
                                   .src = (unsigned long) reply + HEADER, .len = PAGE};
        if (ioctl(faults, UFFDIO_COPY, &copy))
            fail("UFFDIO_COPY");
    }
    return unused;
}

static void connect_both(int tcp)
{
    if (!tcp) {
        int both[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, both))
            fail("socketpair");
        asking = both[0];
        answering = both[1];
        return;
    }
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (bind(listener, (struct sockaddr *) &at, length) || listen(listener, 1)
        || getsockname(listener, (struct sockaddr *) &at, &length))
        fail("listen");
    asking = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(asking, (struct sockaddr *) &at, length))
        fail("connect");
    answering = accept(listener, NULL, NULL);
    setsockopt(asking, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(answering, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void start(void *(*work)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL))
        fail("pthread_create");
}

static void open_faults(void)
{
    faults = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (faults < 0)
        fail("userfaultfd");
    struct uffdio_api api = {.api = UFFD_API};
    memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register all_of_it = {
        .range = {.start = (unsigned long) memory, .len = count * PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &all_of_it))
        fail("userfaultfd");
}

static int compare(const void *one, const void *other)
{
    long difference = *(const long *) one - *(const long *) other;
    return (difference > 0) - (difference < 0);
}

int main(int arguments, char **argument)
{
    if (arguments != 4 || (count = atol(argument[3])) < 100) {
        fprintf(stderr, "usage: round_trip socket|fault unix|tcp COUNT (at least 100)\n");
        return 2;
    }
    int with_faults = !strcmp(argument[1], "fault");
    connect_both(!strcmp(argument[2], "tcp"));
    start(answer);
    if (with_faults) {
        open_faults();
        start(hear_faults);
        start(place);
    }
    long *took = calloc(count, sizeof *took);
    static char reply[HEADER + PAGE];
    for (long page = 0; page < count; page++) {
        long start_ns = now();
        if (with_faults) {
            if (((volatile char *) memory)[page * PAGE] != 7)
                return 3;
        } else {
            ask(page);
            all(asking, reply, sizeof reply, 0);
        }
        took[page] = now() - start_ns;
    }
    qsort(took, count, sizeof *took, compare);
    printf("%ld %ld %ld\n", took[count / 2], took[count * 99 / 100], took[count - 1]);
    return 0;
}
