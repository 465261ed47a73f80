/*
 * Inside the exchange:
 *
 *   exchange.c          groups of microbatches: buffers, this rank's part of the tree
 *   exchange_buckets.c  from rank to rank: buckets in flight
 *   exchange_halving.c  their messages where ranks are a power of two,
 *   exchange_owners.c   and for any others
 *   exchange_thread.c   the thread that progresses messages, where there is one
 *
 * From the moment when a rank's last group of microbatches opens until its sum is complete, wt_buckets
 * and the pattern's state are touched under the lock.
 */
#ifndef WAVETRAIN_EXCHANGE_INTERNAL_H
#define WAVETRAIN_EXCHANGE_INTERNAL_H

#include "comm/exchange.h"
#include "comm_internal.h"
#include "microbatch_tree_internal.h"

enum {
    WT_SLICE_UNIT = 16, /* buckets and slices begin at multiples of so many elements: a cache line */
    WT_ADD_BLOCK =
        16384, /* elements that one thread adds at a time: what is added twice is still in its cache */
    WT_PROGRESS_MICROSECONDS =
        200,            /* between looks at messages: the kernel holds more of them than pass by */
    WT_FLIGHTS_MAX = 4, /* buckets in flight at a time: bounds requests and memory; more leave the cache */
};

typedef struct wt_exchange_thread wt_exchange_thread;

/* Elements first … end−1. */
typedef struct {
    size_t first, end;
} wt_range;

/* An addition of this rank's part of the tree, over any range of two buffers. */
typedef struct {
    float *into;
    const float *from;
} wt_own_join;

/* This rank's microbatches, a group at a time, and its nodes of the tree. */
typedef struct {
    float *memory, **spare; /* `spares` buffers of `count` elements that are free now */
    int spares;
    float **open; /* [end − first] microbatches of the group */
    int pushed,
        opened; /* microbatches first … pushed−1 are on the stack, pushed … opened−1 make up the group */
    wt_microbatch_range *stack; /* nodes of this rank, and where they are */
    float **stacked;
    int height;
    wt_own_join *joins; /* of this group */
    int join_count;
    size_t ready; /* the group is finished from here to the end */
    int joined;   /* buckets of the group whose joins are done */
} wt_own_part;

/* A bucket in flight. Its pattern has more to remember of it. */
typedef struct {
    int bucket;
    int left;   /* requests that are not done */
    bool added; /* no message is left to be sent */
} wt_flight;

typedef enum { WT_MOVE_PROGRESS, WT_MOVE_ALONE, WT_MOVE_WAIT } wt_move;

/* The messages of a bucket in flight. `number` is its place among those in flight, `at` a place among its
 * requests. `create` makes buckets.state, which is the pattern's own, and sets each, tags and received_each;
 * `destroy` takes NULL. */
typedef struct {
    wt_status (*create)(wt_exchange *exchange);
    void (*destroy)(void *state);
    void (*expect)(wt_exchange *exchange, int bucket); /* the bucket takes its place: receives are posted */
    void (*post)(wt_exchange *exchange, int number);   /* the bucket is ready on this rank */
    void (*record)(wt_exchange *exchange, int number, int at); /* a message has arrived or gone */
    bool (*progress)(wt_exchange *exchange, int number,
                     wt_move how); /* adds and sends what can be; whether any */
} wt_pattern;

/* From rank to rank. */
typedef struct {
    int count;
    size_t units; /* of a bucket, WT_SLICE_UNIT elements each */
    const wt_pattern *pattern;
    void *state;
    float *received; /* [buckets in flight, received_each] */
    size_t received_each;
    int flight_count, each, tags; /* each: requests per bucket in flight; tags: max number per bucket */
    wt_flight *flights;
    MPI_Request *requests;     /* [buckets in flight, each] */
    int *indices;              /* [buckets in flight · each] what MPI_Testsome found */
    int posted, sending, done; /* buckets: expected; handed to MPI; all before this one are complete */
    bool in_flight;            /* the last group is open, the sum is not complete */
    double added;              /* seconds */
} wt_buckets;

struct wt_exchange {
    wt_comm *comm;
    wt_exchange_add add;
    int microbatches, first, end; /* of all ranks; this rank's */
    size_t count;
    bool after;        /* no bucket is handed to MPI before the last range is ready */
    int early;         /* buckets that were */
    double progressed; /* when */
    wt_own_part own;
    wt_buckets buckets;
    wt_exchange_thread *thread; /* NULL: calls progress messages */
};

/* exchange_buckets.c */

wt_status wt_buckets_create(wt_exchange *exchange);
void wt_buckets_dispose(wt_exchange *exchange);
/* The elements of bucket `number`; 0 ends at the buffer's end. */
wt_range wt_buckets_span(const wt_exchange *exchange, int number);
/* Posts receives, when the last group opens. */
void wt_buckets_begin(wt_exchange *exchange);
/* Takes what has arrived a step further; whether something had. ALONE: without OpenMP's threads. WAIT: until
 * something has arrived. */
bool wt_buckets_move(wt_exchange *exchange, wt_move how);
bool wt_buckets_complete(const wt_exchange *exchange);

/* A message of bucket `number` in flight, in place `at` of its requests; an empty one is not sent. Returns
 * how many. */
int wt_buckets_send(wt_exchange *exchange, int number, int at, int tag, int to, const float *data, int count);
int wt_buckets_receive(wt_exchange *exchange, int number, int at, int tag, int from, float *data, int count);

extern const wt_pattern wt_pattern_owners, wt_pattern_halving;
/* Whether the ranks and microbatches are those of the pattern. */
bool wt_halving_fits(const wt_exchange *exchange);

/* exchange_thread.c; all take an exchange without a thread too */

wt_status wt_exchange_thread_create(wt_exchange *exchange);
void wt_exchange_thread_destroy(wt_exchange *exchange);
void wt_exchange_lock(wt_exchange *exchange);
void wt_exchange_unlock(wt_exchange *exchange);
/* Under the lock: there is something to drive. */
void wt_exchange_wake(wt_exchange *exchange);

#endif
