/* That ranks see the same files, before each reads some of them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "comm/facts.h"
#include "base/file.h"
#include "wavetrain/base.h"

enum { PIECE = 65536 };

/* Size and the hash of a part in the middle, since files of one kind often begin alike. */
static void add_file_facts(wt_facts *facts, const char *path) {
    char what[WT_PATH_MAX + 32], piece[PIECE], digits[WT_HASH_TEXT];
    struct stat info;
    ssize_t bytes = -1;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe is not waited for */
    if (file >= 0 && fstat(file, &info) == 0)
        bytes = pread(file, piece, sizeof piece, info.st_size > PIECE ? (info.st_size - PIECE) / 2 : 0);
    const int problem = errno;
    if (file >= 0) close(file);
    snprintf(what, sizeof what, "the file %s", path);
    if (bytes < 0) {
        wt_facts_add(facts, what, "%s", strerror(problem));
        return;
    }
    wt_hash_print(digits, wt_hash_bytes(piece, (size_t)bytes, 0));
    wt_facts_add(facts, what, "%lld bytes, hash %.16s", (long long)info.st_size, digits);
}

wt_status wt_comm_agree_on_files(wt_comm *comm, const char *const *paths, size_t count) {
    enum { FILES = 64 };
    wt_facts facts;
    const size_t looked_at = count < FILES ? count : FILES;
    if (wt_comm_size(comm) == 1) return WT_OK;
    wt_facts_init(&facts);
    for (size_t i = 0; i < looked_at; i++) add_file_facts(&facts, paths[i * count / looked_at]);
    return wt_comm_agree_on(comm, &facts);
}
