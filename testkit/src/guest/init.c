/*
 * The guest of the system tests: the only program of its Linux. It fills memory with content that follows from a
 * seed, keeps writing to a part of it, and checks all of it for ever, so that whatever a migration or a snapshot does
 * wrong to its memory is said on its serial console.
 *
 * Kernel command line:
 *   godwit.fixed_mib=N   MiB that never change: half random-like, a quarter zero, a quarter one repeated word a page
 *   godwit.hot_mib=N     MiB written again and again, page by page in order: each pass is a generation
 *   godwit.pause_us=N    pause after each written page group, microseconds (0: as fast as it goes)
 *   godwit.seed=N        the seed of all content
 *
 * Console, one line each:
 *   READY <checksum>                        all memory is filled
 *   TICK <n> ok <checksum> <generation>     about four times a second: slices of fixed memory verified since the
 *                                           last tick were right; the checksum is that of the last whole verification
 *   CUT ok <generation>                     after a whole verification: the hot pages show one moment in time
 *   GAP <ms>                                the clock went on by so much between two steps (100 ms or more)
 *   BAD <what>                              an error; the guest goes on, and says it again
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define WORDS (PAGE / 8)
#define SLICE_PAGES 256UL
#define GROUP_PAGES 16UL

static uint64_t seed = 1, pause_us;
static uint64_t fixed_pages, hot_pages;
static uint64_t *fixed, *hot;

static void say(const char *format, ...) {
    char line[160];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    if (write(1, line, length) < 0) { /* nobody could be told */
    }
}

static uint64_t number(const char *cmdline, const char *name, uint64_t otherwise) {
    const char *at = strstr(cmdline, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : otherwise;
}

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t mix(uint64_t x) { /* splitmix64's finaliser */
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

/* The first word of a fixed page, and by how much each next word differs. */
static void recipe(uint64_t page, uint64_t *first, uint64_t *step) {
    *first = *step = 0;
    if (page % 4 < 2) {
        *first = mix(seed * 0x9e3779b97f4a7c15ULL + page);
        *step = mix(page ^ seed) | 1;
    } else if (page % 4 == 2) {
        *first = mix(seed + page / 64);
    }
}

static inline uint64_t fixed_word(uint64_t first, uint64_t step, uint64_t i) {
    uint64_t x = first + step * i;
    return step ? x ^ x >> 29 ^ x << 21 : x;
}

static void fill(void) {
    for (uint64_t page = 0; page < fixed_pages; page++) {
        uint64_t first, step;
        recipe(page, &first, &step);
        if (!first && page % 8 == 3) {
            continue; /* half of the zero pages are never touched */
        }
        for (uint64_t i = 0; i < WORDS; i++) {
            fixed[page * WORDS + i] = fixed_word(first, step, i);
        }
    }
}

/* Verifies pages and adds them to the checksum. */
static uint64_t verify(uint64_t from, uint64_t to, uint64_t checksum) {
    for (uint64_t page = from; page < to; page++) {
        uint64_t first, step, differs = 0, sum = 0;
        recipe(page, &first, &step);
        const uint64_t *words = fixed + page * WORDS;
        for (uint64_t i = 0; i < WORDS; i++) {
            differs |= words[i] ^ fixed_word(first, step, i);
            sum += words[i];
        }
        if (differs) {
            say("BAD fixed page %llu: first word %016llx, expected %016llx", (unsigned long long) page,
                (unsigned long long) words[0], (unsigned long long) first);
        }
        checksum = (checksum << 7 | checksum >> 57) ^ sum ^ page;
    }
    return checksum;
}

static void write_hot(uint64_t page, uint64_t generation) {
    volatile uint64_t *words = hot + page * WORDS;
    uint64_t key = mix(generation * 0x9e3779b97f4a7c15ULL + page + seed);
    for (uint64_t i = 1; i < WORDS; i += 8) {
        words[i] = key + i;
    }
    words[0] = generation;
}

/* The hot pages before the cursor have this generation, those from it on the one before. */
static void check_cut(uint64_t cursor, uint64_t generation) {
    int bad = 0;
    for (uint64_t page = 0; page < hot_pages; page++) {
        const uint64_t *words = hot + page * WORDS;
        uint64_t expected = page < cursor ? generation : generation - 1;
        uint64_t key = mix(expected * 0x9e3779b97f4a7c15ULL + page + seed), differs = words[0] ^ expected;
        for (uint64_t i = 1; expected && i < WORDS; i += 8) {
            differs |= words[i] ^ (key + i);
        }
        if (differs && !bad++) {
            say("CUT BAD page %llu: generation %llu, expected %llu", (unsigned long long) page,
                (unsigned long long) words[0], (unsigned long long) expected);
        }
    }
    if (!bad) {
        say("CUT ok %llu", (unsigned long long) generation);
    }
}

static void *allot(uint64_t pages) {
    void *memory = mmap(NULL, (pages + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        say("BAD no memory for %llu pages", (unsigned long long) pages);
        exit(1);
    }
    madvise(memory, (pages + 1) * PAGE, MADV_NOHUGEPAGE);
    return memory;
}

static void set_up(void) {
    static char cmdline[4096];
    mount("proc", "/proc", "proc", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    int console = open("/dev/console", O_RDWR);
    dup2(console, 0);
    dup2(console, 1);
    dup2(console, 2);
    int file = open("/proc/cmdline", O_RDONLY);
    if (file < 0 || read(file, cmdline, sizeof cmdline - 1) < 0) {
        say("BAD no kernel command line");
    }
    close(file);
    fixed_pages = number(cmdline, "godwit.fixed_mib=", 64) * 256;
    hot_pages = number(cmdline, "godwit.hot_mib=", 4) * 256;
    pause_us = number(cmdline, "godwit.pause_us=", 1000);
    seed = number(cmdline, "godwit.seed=", 1);
    fixed = allot(fixed_pages);
    hot = allot(hot_pages);
}

int main(void) {
    uint64_t ticks = 0, slice = 0, cursor = 0, generation = 1, checksum = 0, known, last, ticked;
    set_up();
    fill();
    known = verify(0, fixed_pages, 0);
    say("READY %016llx", (unsigned long long) known);
    for (last = ticked = now_ms();;) {
        uint64_t now = now_ms();
        if (now - last >= 100) {
            say("GAP %llu", (unsigned long long) (now - last));
        }
        last = now;
        if (now - ticked >= 250) {
            say("TICK %llu ok %016llx %llu", (unsigned long long) ++ticks, (unsigned long long) known,
                (unsigned long long) generation);
            ticked = now;
        }
        for (uint64_t i = 0; i < GROUP_PAGES && hot_pages; i++) {
            write_hot(cursor, generation);
            if (++cursor == hot_pages) {
                cursor = 0;
                generation++;
            }
        }
        if (pause_us) {
            usleep(pause_us);
        }
        uint64_t from = slice * SLICE_PAGES, to = from + SLICE_PAGES;
        checksum = verify(from, to < fixed_pages ? to : fixed_pages, checksum);
        slice++;
        if (to >= fixed_pages) {
            if (checksum != known) {
                say("BAD checksum %016llx, expected %016llx", (unsigned long long) checksum,
                    (unsigned long long) known);
            }
            check_cut(cursor, generation);
            slice = checksum = 0;
        }
    }
}
