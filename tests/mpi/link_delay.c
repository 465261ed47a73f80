/*
 * link_delay HOST_A HOST_B DELAY_US MBIT: a cable between two network namespaces (/run/netns/NAME) with a
 * delay and a rate of its own in each direction, in user space, where the kernel's traffic control can't
 * delay (no netem). Makes the interface "eth0" in each, says "ready", and carries frames until it is killed.
 *
 * A frame leaves when the cable has sent those before it, at the rate, and the delay is over. The process
 * runs before all others (SCHED_FIFO), so that ranks that compute on every core do not slow the cable down;
 * what it takes of a core it takes from them. So it takes what the kernel sends in one piece, up to 64 KiB,
 * before it is cut into frames and checksummed (what network cards do by themselves): a piece arrives when
 * its last byte would.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { QUEUE = 256, FRAME_MOST = (64 << 10) + 256 };

typedef struct {
    double due; /* seconds */
    ssize_t length;
    unsigned char bytes[FRAME_MOST];
} frame;

/* One way; frames first … end−1 are on it. */
typedef struct {
    int from, to; /* devices */
    unsigned first, end;
    double free; /* when it has sent what it holds */
    frame frames[QUEUE];
} way;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "link_delay: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The device of "eth0" in a namespace, which this process enters. */
static int make_end(const char *host) {
    char path[256];
    struct ifreq request = {.ifr_name = "eth0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(path, sizeof path, "/run/netns/%s", host);
    int space = open(path, O_RDONLY);
    if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(path);
    close(space);
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0) fail("/dev/net/tun");
    if (ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) fail("TUNSETOFFLOAD");
    return device;
}

/* Frames whose time has come arrive. */
static void deliver(way *w) {
    for (; w->first != w->end && w->frames[w->first % QUEUE].due <= now(); w->first++) {
        const frame *f = &w->frames[w->first % QUEUE];
        if (write(w->to, f->bytes, (size_t)f->length) < 0 && errno != EAGAIN && errno != EIO) fail("write");
    }
}

/* What the sender has handed over sets out. */
static void take_way(way *w, double delay, double rate) {
    while (w->end - w->first < QUEUE) {
        frame *f = &w->frames[w->end % QUEUE];
        f->length = read(w->from, f->bytes, sizeof f->bytes);
        if (f->length <= 0) return;
        double time = now();
        if (w->free < time) w->free = time;
        w->free += (double)f->length / rate;
        f->due = w->free + delay;
        w->end++;
    }
}

/* Until the next frame is due, or one comes. A full queue leaves the rest with the sender's device. */
static void pause_way(const way *ways) {
    struct pollfd ends[2];
    double next = now() + 1;
    for (int k = 0; k < 2; k++) {
        const way *w = &ways[k];
        ends[k] = (struct pollfd){.fd = w->from, .events = w->end - w->first < QUEUE ? POLLIN : 0};
        if (w->first != w->end && w->frames[w->first % QUEUE].due < next)
            next = w->frames[w->first % QUEUE].due;
    }
    double left = next - now();
    struct timespec wait = {.tv_nsec = left > 0 ? (long)(1e9 * (left < 0.9 ? left : 0.9)) : 0};
    if (ppoll(ends, 2, &wait, NULL) < 0 && errno != EINTR) fail("poll");
}

int main(int argc, char **argv) {
    static way ways[2];
    if (argc != 5) {
        fprintf(stderr, "usage: link_delay HOST_A HOST_B DELAY_US MBIT\n");
        return 2;
    }
    double delay = 1e-6 * atof(argv[3]), rate = 1e6 / 8 * atof(argv[4]);
    const struct sched_param first = {.sched_priority = 10};
    int a = make_end(argv[1]), b = make_end(argv[2]);
    ways[0].from = ways[1].to = a;
    ways[1].from = ways[0].to = b;
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) fail("SCHED_FIFO");
    puts("ready");
    fflush(stdout);
    for (;;) {
        for (int k = 0; k < 2; k++) {
            deliver(&ways[k]);
            take_way(&ways[k], delay, rate);
        }
        pause_way(ways);
    }
}
