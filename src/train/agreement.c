/*
 * The facts that ranks compare. Each rank reads configuration, data set and checkpoint by itself, from what
 * may be another file under the same path (a disk of the node's own, a mount that is missing), and the
 * program may be another one. A difference that nobody notices ends with wrong results, or with ranks that
 * wait for each other for ever.
 */
#include "train/agreement.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm/facts.h"
#include "train_internal.h"

enum { PIECE = 65536 };

/* --- the program --- */

/* The hash of this program's file, piece by piece; false where it can't be read. */
static bool hash_program(wt_hash *hash) {
    char piece[PIECE];
    ssize_t bytes = -1;
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    *hash = (wt_hash){0, 0};
    while (file >= 0 && (bytes = read(file, piece, sizeof piece)) > 0)
        *hash = wt_hash_fold(*hash, wt_hash_bytes(piece, (size_t)bytes, 0));
    if (file >= 0) close(file);
    return bytes == 0;
}

wt_status wt_agree_on_command(wt_comm *comm, int argc, char **argv) {
    wt_hash hash;
    wt_facts facts;
    char digits[WT_HASH_TEXT];
    if (wt_comm_size(comm) == 1) return WT_OK;
    wt_facts_init(&facts);
    const bool known = hash_program(&hash);
    wt_hash_print(digits, hash);
    wt_facts_add(&facts, "the program", known ? "%s, build %.16s" : "", WT_VERSION, digits);
    for (int i = 1; i < argc; i++) wt_facts_add(&facts, "an argument of the command", "%s", argv[i]);
    return wt_comm_agree_on(comm, &facts);
}

/* --- the configuration --- */

static void add_key(void *facts, const char *key, const char *value) {
    char what[96];
    snprintf(what, sizeof what, "the configuration's %s", key);
    wt_facts_add(facts, what, "%s", value);
}

wt_status wt_agree_on_configuration(wt_comm *comm, const wt_config *config) {
    wt_facts facts;
    if (wt_comm_size(comm) == 1) return WT_OK;
    wt_facts_init(&facts);
    const wt_status status = wt_config_visit(config, add_key, &facts);
    const wt_status agreed = wt_comm_agree_on(comm, &facts);
    return agreed == WT_OK ? wt_comm_agree(comm, status) : agreed;
}

/* --- the data set --- */

wt_status wt_agree_on_dataset(wt_comm *comm, const char *path, const char *split, const wt_dataset *dataset,
                              wt_status opened) {
    wt_facts facts;
    char what[WT_PATH_MAX + 64], digest[WT_HASH_TEXT] = "", why[1024] = "";
    if (wt_comm_size(comm) == 1) return opened;
    if (opened != WT_OK) snprintf(why, sizeof why, "%s", wt_error_message());
    wt_facts_init(&facts);
    snprintf(what, sizeof what, "the data set %s, %s", path, split);
    if (dataset) wt_hash_print(digest, wt_dataset_digest(dataset));
    wt_facts_add(&facts, what, dataset ? "digest %s, %lld utterances, %lld samples" : "", digest,
                 dataset ? (long long)wt_dataset_utterances(dataset) : 0,
                 dataset ? (long long)wt_dataset_samples(dataset) : 0);
    snprintf(what, sizeof what, "the validation part of the data set %s", path);
    wt_facts_add(&facts, what, dataset ? "%s" : "",
                 wt_dataset_has_split(path, "validation") ? "present" : "absent");
    const wt_status agreed = wt_comm_agree_on(comm, &facts);
    if (agreed != WT_OK) return agreed;
    return wt_comm_agree_alike(comm, opened == WT_OK ? WT_OK : wt_error(opened, "%s", why));
}

/* --- the checkpoint --- */

/* What rank 0 looks at: where, and whether it can. */
typedef struct {
    char path[WT_PATH_MAX];
    char seal[WT_HASH_TEXT];
    bool read;
} seal_of_root;

/* A file that another node has just made may be unknown here for a moment. */
static bool read_seal(char seal[WT_HASH_TEXT], const char *path, int tries) {
    const struct timespec pause = {.tv_nsec = 500000000};
    for (int i = 0; i < tries; i++) {
        if (i > 0) nanosleep(&pause, NULL);
        if (wt_checkpoint_seal(seal, path) == WT_OK) return true;
    }
    return false;
}

/* The file itself, or a run's newest checkpoint by name; "" where there is none. */
static wt_status find_newest(char path[WT_PATH_MAX], const char *file_or_run) {
    int64_t *steps;
    size_t count;
    path[0] = '\0';
    if (!wt_path_is_folder(file_or_run)) {
        snprintf(path, WT_PATH_MAX, "%s", file_or_run);
        return WT_OK;
    }
    WT_TRY(wt_run_checkpoints(file_or_run, &steps, &count));
    const wt_status status = count ? wt_run_checkpoint_path(path, file_or_run, steps[count - 1]) : WT_OK;
    wt_free(steps);
    return status;
}

wt_status wt_agree_on_checkpoint(wt_comm *comm, const char *file_or_run) {
    enum { TRIES = 4 };
    wt_facts facts;
    seal_of_root root;
    char what[WT_PATH_MAX + 32], seal[WT_HASH_TEXT];
    if (wt_comm_size(comm) == 1) return WT_OK;
    memset(&root, 0, sizeof root);
    const bool first = wt_comm_rank(comm) == 0;
    WT_TRY(wt_comm_agree(comm, first ? find_newest(root.path, file_or_run) : WT_OK));
    if (first && *root.path) root.read = read_seal(root.seal, root.path, 1);
    wt_comm_broadcast(comm, &root, sizeof root);
    if (!*root.path) return WT_OK;
    wt_facts_init(&facts);
    snprintf(what, sizeof what, "the checkpoint %s", root.path);
    if (read_seal(seal, root.path, root.read ? TRIES : 1)) {
        wt_facts_add(&facts, what, "hash %s", seal);
    } else {
        wt_facts_add(&facts, what, "%s", wt_error_message());
    }
    return wt_comm_agree_on(comm, &facts);
}

wt_status wt_agree_open_checkpoint(wt_comm *comm, wt_checkpoint **checkpoint, const char *file_or_run,
                                   const char *which) {
    char path[WT_PATH_MAX] = "";
    const bool root = wt_comm_rank(comm) == 0;
    WT_TRY(wt_agree_on_checkpoint(comm, file_or_run));
    WT_TRY(wt_comm_agree(comm, root ? wt_checkpoint_choose(checkpoint, file_or_run, which) : WT_OK));
    if (root) snprintf(path, sizeof path, "%s", wt_checkpoint_path(*checkpoint));
    wt_comm_broadcast(comm, path, sizeof path);
    WT_TRY(wt_agree_on_checkpoint(comm, path));
    return wt_comm_agree_alike(comm, root ? WT_OK : wt_checkpoint_open(checkpoint, path));
}
