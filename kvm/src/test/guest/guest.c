// A guest that knows what every page of its memory must hold. Freestanding; see README.md beside it.
//
// Command line: pages=N seed=S report=R [scribble] [quiet]
//   pages     how many checked pages each vCPU has
//   seed      of the pattern and of the order of writes
//   report    a line a vCPU after so many rounds
//   scribble  no checked pages: writes of every kind all over, as fast as it goes
//
// Page p of a vCPU holds one 64-bit value 512 times, made of seed, vCPU, p and the page's generation. A round is: check
// one page against its generation, write another with its next one. Generations are kept beside, in pages of their own.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

enum { PAGE = 4096, WORDS = 512, MOST_VCPUS = 8, MOST_PAGES = 8192 };

static volatile u32 serial_lock;
static volatile u32 vcpus_ready;
static u64 seed = 1, pages = 64, report = 256, ram_bytes;
static u32 vcpus;
static int scribbling;
static u32 generation[MOST_VCPUS][MOST_PAGES];
extern u8 trampoline[], trampoline_end[], guest_end[];

static inline void outb(u32 port, u8 value) { __asm__ volatile("outb %0, %w1" : : "a"(value), "d"(port)); }
static inline u8 inb(u32 port) {
    u8 value;
    __asm__ volatile("inb %w1, %0" : "=a"(value) : "d"(port));
    return value;
}

static void put(char c) {
    while (!(inb(0x3fd) & 0x20)) {
    }
    outb(0x3f8, c);
}

static void text(const char *s) {
    while (*s) put(*s++);
}

static void number(u64 value, u32 base) {
    char digits[20];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n) put(digits[--n]);
}

static void lock(void) {
    while (__atomic_exchange_n(&serial_lock, 1, __ATOMIC_ACQUIRE)) __asm__ volatile("pause");
}

static void unlock(void) { __atomic_store_n(&serial_lock, 0, __ATOMIC_RELEASE); }

static u64 mix(u64 x) { // splitmix64
    x += 0x9e3779b97f4a7c15ul;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ul;
    x = (x ^ x >> 27) * 0x94d049bb133111ebul;
    return x ^ x >> 31;
}

static u64 expected(u32 vcpu, u64 page, u32 gen) { return mix(seed ^ mix(page << 40 | (u64)vcpu << 32 | gen)); }

static u64 *address(u32 vcpu, u64 page) {
    u64 first = ((u64)guest_end + PAGE - 1) & -(u64)PAGE;
    return (u64 *)(first + (vcpu * pages + page) * PAGE);
}

static void fill(u32 vcpu, u64 page) {
    u64 *at = address(vcpu, page), value = expected(vcpu, page, generation[vcpu][page]), count = WORDS;
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(value) : "memory");
}

static void check(u32 vcpu, u64 page) {
    u64 *at = address(vcpu, page), value = expected(vcpu, page, generation[vcpu][page]), count = WORDS;
    u8 equal;
    __asm__ volatile("cmp %%rcx, %%rcx; repe scasq; sete %2" : "+D"(at), "+c"(count), "=r"(equal) : "a"(value) : "memory");
    if (!equal) {
        lock();
        text("ERROR vcpu ");
        number(vcpu, 10);
        text(" page ");
        number(page, 10);
        text(" at ");
        number((u64)(at - 1), 16);
        text(" expected ");
        number(value, 16);
        text(" found ");
        number(at[-1], 16);
        text("\n");
        unlock();
        fill(vcpu, page);
    }
}

static void say(u32 vcpu, u64 rounds) {
    lock();
    text("OK vcpu ");
    number(vcpu, 10);
    text(" rounds ");
    number(rounds, 10);
    text("\n");
    unlock();
}

static void checked_rounds(u32 vcpu) {
    u64 state = seed + vcpu, rounds = 0, next = 0;
    for (u64 page = 0; page < pages; page++) fill(vcpu, page);
    say(vcpu, 0);
    for (;;) {
        check(vcpu, next);
        next = next + 1 == pages ? 0 : next + 1;
        state = mix(state);
        u64 page = state % pages;
        check(vcpu, page);
        generation[vcpu][page]++;
        fill(vcpu, page);
        if (++rounds % report == 0) say(vcpu, rounds);
    }
}

// Stores of every width and kind, over page boundaries too, to any page above the program.
static void scribble(u32 vcpu) {
    u64 first = ((u64)guest_end + PAGE - 1) & -(u64)PAGE, span = ram_bytes - first - 2 * PAGE;
    u64 state = seed + vcpu;
    say(vcpu, 0);
    for (u64 rounds = 1;; rounds++) {
        state = state * 6364136223846793005ul + 1442695040888963407ul;
        u64 at = first + (state >> 20) % span;
        switch (state >> 60 & 7) {
        case 0: *(volatile u8 *)at = state >> 8; break;
        case 1: *(volatile u32 *)at = state >> 8; break;
        case 2: *(volatile u64 *)at = state; break;
        case 3: *(volatile u64 *)((at & -(u64)PAGE) + PAGE - 3) = state; break; // over a page boundary
        case 4: __asm__ volatile("lock xaddq %0, (%1)" : "+r"(state) : "r"(at & -8ul) : "memory"); break;
        case 5: {
            u64 count = 24, to = at;
            __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(state) : "memory");
            break;
        }
        case 6: {
            u64 count = 8, to = at & -8ul, from = first;
            __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
            break;
        }
        default: __asm__ volatile("lock btsq $5, (%0)" : : "r"(at & -8ul) : "memory"); break;
        }
        if (rounds % report == 0) say(vcpu, rounds);
    }
}

static void work(u32 vcpu) {
    if (scribbling) scribble(vcpu);
    checked_rounds(vcpu);
}

void guest_further(u32 vcpu) {
    __atomic_store_n(&vcpus_ready, vcpu, __ATOMIC_RELEASE);
    work(vcpu);
}

static void start_further(void) {
    volatile u32 *apic = (volatile u32 *)0xfee00000;
    u8 *to = (u8 *)0x7000;
    for (u8 *from = trampoline; from < trampoline_end;) *to++ = *from++;
    u64 cr3;
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    *(volatile u64 *)0x7f00 = cr3;
    __asm__ volatile("sgdt (%0)" : : "r"(0x7f08ul) : "memory");
    apic[0xf0 / 4] = 0x1ff; // enabled
    for (u32 vcpu = 1; vcpu < vcpus; vcpu++) {
        *(volatile u32 *)0x7f18 = vcpu;
        apic[0x310 / 4] = vcpu << 24;
        apic[0x300 / 4] = 0x4500; // INIT
        apic[0x310 / 4] = vcpu << 24;
        apic[0x300 / 4] = 0x4607; // SIPI, vector 7
        while (__atomic_load_n(&vcpus_ready, __ATOMIC_ACQUIRE) != vcpu) __asm__ volatile("pause");
    }
}

static int starts(const char *s, const char *word) {
    while (*word) {
        if (*s++ != *word++) return 0;
    }
    return 1;
}

static u64 value_of(const char *s) {
    u64 value = 0;
    while (*s >= '0' && *s <= '9') value = value * 10 + (*s++ - '0');
    return value;
}

void guest_main(u64 ram, const char *command_line, u64 vcpu_count) {
    for (const char *s = command_line; *s; s++) {
        if (starts(s, "pages=")) pages = value_of(s + 6);
        if (starts(s, "seed=")) seed = value_of(s + 5);
        if (starts(s, "report=")) report = value_of(s + 7);
        if (starts(s, "scribble")) scribbling = 1;
    }
    ram_bytes = ram;
    vcpus = vcpu_count > MOST_VCPUS ? MOST_VCPUS : vcpu_count;
    if (pages > MOST_PAGES || (!scribbling && (u64)address(vcpus, 0) > ram)) {
        text("ERROR the pages do not fit\n");
        return;
    }
    start_further();
    work(0);
}
