/*
 * Agreement on facts. Rank 0's are broadcast as they are, some kilobytes, so that whoever differs can say
 * how: with hashes a rank would know only that it does. The number of messages grows with the logarithm of
 * the ranks.
 */
#include "comm/facts.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "comm_internal.h"

/* --- the list --- */

void wt_facts_init(wt_facts *facts) {
    memset(facts, 0, sizeof *facts);
    facts->stream = open_memstream(&facts->bytes, &facts->size);
}

void wt_facts_add(wt_facts *facts, const char *what, const char *format, ...) {
    va_list arguments;
    if (!facts->stream) return; /* no memory: finish_facts says so */
    fputs(what, facts->stream);
    fputc('\0', facts->stream);
    va_start(arguments, format);
    vfprintf(facts->stream, format, arguments);
    va_end(arguments);
    fputc('\0', facts->stream);
}

static wt_status finish_facts(wt_facts *facts) {
    bool failed = !facts->stream || ferror(facts->stream) != 0;
    if (facts->stream) failed = fclose(facts->stream) != 0 || failed;
    facts->stream = NULL;
    return failed ? wt_error(WT_FAILED, "out of memory for what the ranks compare") : WT_OK;
}

/* --- the comparison --- */

/* Where a rank is; rank 0's, and how many bytes of facts it has, go ahead of the facts. */
typedef struct {
    char host[MPI_MAX_PROCESSOR_NAME];
    uint64_t bytes;
} facts_head;

static void name_host(char host[MPI_MAX_PROCESSOR_NAME]) {
    int length;
    memset(host, 0, MPI_MAX_PROCESSOR_NAME);
    MPI_Get_processor_name(host, &length);
}

/* One fact of a list. */
typedef struct {
    const char *what, *value;
} fact;

/* The fact at *at, which moves on to the next one; the last is followed by facts without a name. */
static fact next_fact(const char **at, const char *end) {
    fact found = {"", ""};
    if (*at >= end) return found;
    found.what = *at;
    found.value = found.what + strlen(found.what) + 1;
    *at = found.value + strlen(found.value) + 1;
    return found;
}

/* The first fact in which two lists differ; false where there is none. */
static bool find_difference(fact *own, fact *other, const wt_facts *mine, const char *others, size_t size) {
    const char *at = mine->bytes, *end = mine->bytes + mine->size, *others_end = others + size;
    while (at < end || others < others_end) {
        *own = next_fact(&at, end);
        *other = next_fact(&others, others_end);
        if (strcmp(own->what, other->what) != 0) return true;
        if (*own->value && *other->value && strcmp(own->value, other->value) != 0) return true;
    }
    return false;
}

/* A long value from shortly before its first difference on. */
static void excerpt(char *text, size_t room, const char *value, const char *other) {
    enum { BEFORE = 24 };
    size_t same = 0;
    while (value[same] && value[same] == other[same]) same++;
    if (strlen(value) < room || same <= BEFORE) {
        snprintf(text, room, "%s", value);
        return;
    }
    snprintf(text, room, "…%s", value + same - BEFORE);
}

/* What this rank, one of `count` that differ, says of it. */
static wt_status describe_difference(const wt_comm *comm, const fact *own, const fact *root, const char *host,
                                     long long count) {
    enum { EXCERPT = 200 };
    char mine[MPI_MAX_PROCESSOR_NAME], got[EXCERPT], expected[EXCERPT], others[48] = "";
    const bool named_alike = strcmp(own->what, root->what) == 0;
    name_host(mine);
    excerpt(got, sizeof got, named_alike ? own->value : own->what, root->value);
    excerpt(expected, sizeof expected, named_alike ? root->value : root->what, own->value);
    if (count > 1 && count == comm->size - 1) {
        snprintf(others, sizeof others, ", as do all other ranks");
    } else if (count > 1) {
        snprintf(others, sizeof others, ", as do%s %lld other rank%s", count == 2 ? "es" : "", count - 1,
                 count == 2 ? "" : "s");
    }
    return wt_error(WT_USAGE, "rank %d on %s differs from rank 0 on %s in %s (got %s, expected %s)%s",
                    comm->rank, mine, host, named_alike ? own->what : "what there is to compare", got,
                    expected, others);
}

wt_status wt_comm_agree_on(wt_comm *comm, wt_facts *facts) {
    fact own, root;
    char *others = NULL;
    facts_head head;
    memset(&head, 0, sizeof head);
    wt_status status = wt_comm_agree(comm, finish_facts(facts));
    if (status != WT_OK || comm->size == 1) goto cleanup;
    name_host(head.host);
    head.bytes = facts->size;
    wt_comm_broadcast(comm, &head, sizeof head);
    if (comm->rank != 0) status = wt_alloc(&others, head.bytes + 1, 1, "what the ranks compare");
    WT_GUARD(wt_comm_agree(comm, status));
    wt_comm_broadcast(comm, comm->rank == 0 ? facts->bytes : others, head.bytes);
    int64_t count = comm->rank != 0 && find_difference(&own, &root, facts, others, head.bytes);
    const bool differs = count != 0;
    wt_comm_sum_int64(comm, &count, 1);
    if (count == 0) goto cleanup;
    if (differs) status = describe_difference(comm, &own, &root, head.host, count);
    status = wt_comm_agree(comm, status);
cleanup:
    free(facts->bytes);
    wt_free(others);
    memset(facts, 0, sizeof *facts);
    return status;
}

/* --- failures and decisions --- */

wt_status wt_comm_agree_alike(wt_comm *comm, wt_status mine) {
    int64_t failed = mine != WT_OK;
    wt_comm_sum_int64(comm, &failed, 1);
    if (failed == 0) return WT_OK;
    if (mine != WT_OK && failed < comm->size) {
        char host[MPI_MAX_PROCESSOR_NAME], message[1024];
        const long long well = comm->size - failed;
        name_host(host);
        snprintf(message, sizeof message, "%s", wt_error_message());
        wt_error(mine, "rank %d on %s, unlike %lld other rank%s: %s", comm->rank, host, well,
                 well == 1 ? "" : "s", message);
    }
    return wt_comm_agree(comm, mine);
}

bool wt_comm_decide(wt_comm *comm, bool answer) {
    wt_comm_broadcast(comm, &answer, sizeof answer);
    return answer;
}
