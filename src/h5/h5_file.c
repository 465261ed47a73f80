/*
 * Opening and closing HDF5 files, on disk and in memory.
 *
 * New files on disk use the format of HDF5 1.10 throughout: its metadata carry checksums and the file
 * says whether it was closed properly, so that damage is noticed at the price of readers older than 1.10.
 * No times are stored. One lock for the process: reads of several threads wait for each other, which
 * is cheap compared with a wrong result, for HDF5 keeps global state without any lock in its usual builds.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "h5_internal.h"

enum {
    IMAGE_GROWTH = 4 << 20, /* bytes by which a file in memory grows */
    COMPACT_ATTRIBUTES = 64 /* attributes kept in an object's own header */
};

static pthread_mutex_t h5_mutex = PTHREAD_MUTEX_INITIALIZER;

/* HDF5 would tidy up at the program's end, and crash there (1.10.8) if a file could not be closed for want
 * of disk. We close everything ourselves. Must come before the library's first other call. */
static void leave_exit_alone(void) {
    H5dont_atexit();
}

void wt_h5_lock(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, leave_exit_alone);
    pthread_mutex_lock(&h5_mutex);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* thread-safe builds keep this per thread */
}

void wt_h5_unlock(void) {
    pthread_mutex_unlock(&h5_mutex);
}

/* --- errors --- */

typedef struct {
    char text[200];
    bool memory; /* there was none */
} reason;

/* The innermost complaint. Those of the drivers hold a time and line breaks; of them the system's words are
 * taken. */
static herr_t take_reason(unsigned n, const H5E_error2_t *error, void *context) {
    reason *found = context;
    if (n == 0) found->memory = error->maj_num == H5E_RESOURCE && error->min_num == H5E_NOSPACE;
    if (n > 0 || error->desc == NULL) return 0;
    const char *from = strstr(error->desc, "error message = '");
    const char *end = NULL;
    if (from != NULL) {
        from += strlen("error message = '");
        end = strchr(from, '\'');
    } else {
        from = error->desc;
    }
    size_t length = end != NULL ? (size_t)(end - from) : strcspn(from, "\n");
    if (length >= sizeof found->text) length = sizeof found->text - 1;
    memcpy(found->text, from, length);
    found->text[length] = '\0';
    return 0;
}

wt_status wt_h5_fail(const wt_h5 *file, const char *what, const char *object) {
    reason found = {"no reason given", false};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, &found);
    if (found.memory)
        return wt_error_transient(WT_FAILED, "%s: cannot %s '%s' (no memory)", file->name, what, object);
    const char *damaged = file->writable ? "" : "damaged or cut short: ";
    if (object[0] == '\0')
        return wt_error(WT_FAILED, "%s: %scannot %s (%s)", file->name, damaged, what, found.text);
    return wt_error(WT_FAILED, "%s: %scannot %s '%s' (%s)", file->name, damaged, what, object, found.text);
}

int64_t wt_h5_file_bytes(const wt_h5 *file) {
    hsize_t bytes = 0;
    if (H5Fget_filesize(file->id, &bytes) < 0 || bytes > (hsize_t)INT64_MAX) return 0;
    return (int64_t)bytes;
}

/* --- properties --- */

/* Locks on files fail on many shared file systems (ENOLCK, ENOSYS, 524), and no two programs write one of our
 * files: each is made under a name of its own and read once it is whole. So none are taken, neither to read
 * nor to write. */
static herr_t set_no_locking(hid_t access) {
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
    return H5Pset_file_locking(access, false, true);
#else
    (void)access;
    return 0; /* older libraries are controlled by HDF5_USE_FILE_LOCKING alone */
#endif
}

static hid_t access_properties(bool writable, bool image) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0) return -1;
    herr_t bad = H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    if (image) {
        bad |= H5Pset_fapl_core(access, IMAGE_GROWTH, false);
    } else {
        bad |= set_no_locking(access);
    }
    /* H5Fget_file_image clears the mark of an open file and leaves the newer superblocks' checksum wrong
     * (1.10.8), so images have the first format, which has no such checksum. */
    H5F_libver_t least = image ? H5F_LIBVER_EARLIEST : H5F_LIBVER_V110;
    if (writable) bad |= H5Pset_libver_bounds(access, least, H5F_LIBVER_V110);
    if (bad >= 0) return access;
    H5Pclose(access);
    return -1;
}

static hid_t creation_properties(void) {
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    if (creation < 0) return -1;
    herr_t bad = H5Pset_obj_track_times(creation, false);
    bad |= H5Pset_attr_phase_change(creation, COMPACT_ATTRIBUTES, COMPACT_ATTRIBUTES / 2);
    if (bad >= 0) return creation;
    H5Pclose(creation);
    return -1;
}

/* --- open, create --- */

static wt_status new_handle(wt_h5 **out, const char *name, bool writable, bool image) {
    wt_h5 *file = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&file, 1, sizeof *file, "HDF5 file"));
    *file = (wt_h5){.id = -1, .writable = writable, .image = image, .rows = -1};
    WT_GUARD(wt_memory_copy_string(&file->name, name));
    *out = file;
    file = NULL;
cleanup:
    wt_free(file);
    return status;
}

static void free_handle(wt_h5 *file) {
    if (file == NULL) return;
    wt_free(file->name);
    wt_free(file);
}

/* HDF5 takes two files in memory for the same one if their names are equal. */
static void image_name(char out[64], const wt_h5 *file) {
    snprintf(out, 64, "wavetrain-image-%p", (const void *)file);
}

static wt_status create_file(wt_h5 *file) {
    wt_status status = WT_OK;
    hid_t access = -1, creation = -1;
    char unique[64];
    image_name(unique, file);
    access = access_properties(true, file->image);
    creation = creation_properties();
    if (access < 0 || creation < 0) {
        status = wt_h5_fail(file, "set up", "");
        goto cleanup;
    }
    file->id = H5Fcreate(file->image ? unique : file->name, file->image ? H5F_ACC_TRUNC : H5F_ACC_EXCL,
                         creation, access);
    if (file->id < 0) status = wt_h5_fail(file, "create", "");
cleanup:
    if (creation >= 0) H5Pclose(creation);
    if (access >= 0) H5Pclose(access);
    return status;
}

static wt_status create_h5(wt_h5 **out, const char *name, bool image) {
    wt_h5 *file = NULL;
    WT_TRY(new_handle(&file, name, true, image));
    wt_h5_lock();
    wt_status status = create_file(file);
    wt_h5_unlock();
    if (status == WT_OK) {
        *out = file;
    } else {
        free_handle(file);
    }
    return status;
}

wt_status wt_h5_create(wt_h5 **out, const char *path) {
    struct stat found;
    *out = NULL;
    WT_CHECK(lstat(path, &found) != 0, WT_FAILED, "%s: exists already", path);
    return create_h5(out, path, false);
}

wt_status wt_h5_create_image(wt_h5 **out, const char *name) {
    *out = NULL;
    return create_h5(out, name, true);
}

static wt_status open_file(wt_h5 *file, const void *bytes, size_t size) {
    wt_status status = WT_OK;
    char unique[64];
    image_name(unique, file);
    hid_t access = access_properties(false, file->image);
    if (access < 0 || (file->image && H5Pset_file_image(access, (void *)bytes, size) < 0)) {
        status = wt_h5_fail(file, "set up", "");
        goto cleanup;
    }
    file->id = H5Fopen(file->image ? unique : file->name, H5F_ACC_RDONLY, access);
    if (file->id < 0) status = wt_h5_fail(file, "open", "");
cleanup:
    if (access >= 0) H5Pclose(access);
    return status;
}

static wt_status open_any(wt_h5 **out, const char *name, bool image, const void *bytes, size_t size) {
    wt_h5 *file = NULL;
    WT_TRY(new_handle(&file, name, false, image));
    wt_h5_lock();
    wt_status status = open_file(file, bytes, size);
    wt_h5_unlock();
    if (status == WT_OK) {
        *out = file;
    } else {
        free_handle(file);
    }
    return status;
}

enum { SIGNATURE_BYTES = 8 };

static bool is_signature(const void *bytes) {
    static const unsigned char signature[SIGNATURE_BYTES] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    return memcmp(bytes, signature, sizeof signature) == 0;
}

/* HDF5 would wait for ever at the end of a pipe, and its own words for all of these are the same. */
static wt_status check_regular_hdf5(const char *path) {
    wt_status status = WT_OK;
    struct stat found;
    char start[SIGNATURE_BYTES];
    int handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    WT_CHECK(handle >= 0, WT_FAILED, "%s: cannot open (%s)", path, strerror(errno));
    WT_GUARD_CHECK(fstat(handle, &found) == 0, WT_FAILED, "%s: cannot open (%s)", path, strerror(errno));
    WT_GUARD_CHECK(S_ISREG(found.st_mode), WT_FAILED, "%s: no HDF5 file (got %s, expected a regular file)",
                   path, S_ISDIR(found.st_mode) ? "a folder" : "a special file");
    ssize_t got = read(handle, start, sizeof start);
    WT_GUARD_CHECK(got >= 0, WT_FAILED, "%s: cannot read (%s)", path, strerror(errno));
    WT_GUARD_CHECK(got == (ssize_t)sizeof start && is_signature(start), WT_FAILED, "%s: no HDF5 file%s", path,
                   found.st_size == 0 ? " (it is empty)" : "");
cleanup:
    close(handle);
    return status;
}

wt_status wt_h5_open(wt_h5 **out, const char *path) {
    *out = NULL;
    WT_TRY(check_regular_hdf5(path));
    return open_any(out, path, false, NULL, 0);
}

wt_status wt_h5_open_image(wt_h5 **out, const char *name, const void *bytes, size_t size) {
    *out = NULL;
    WT_CHECK(size >= SIGNATURE_BYTES && is_signature(bytes), WT_FAILED, "%s: no HDF5 file", name);
    return open_any(out, name, true, bytes, size);
}

/* --- image, close --- */

static wt_status take_image(char **bytes, size_t *size, wt_h5 *file) {
    WT_TRY(wt_h5_close_rows(file));
    if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0) return wt_h5_fail(file, "flush", "");
    ssize_t length = H5Fget_file_image(file->id, NULL, 0);
    if (length <= 0) return wt_h5_fail(file, "take the image of", "");
    char *block = NULL;
    WT_TRY(wt_alloc(&block, (size_t)length, 1, file->name));
    if (H5Fget_file_image(file->id, block, (size_t)length) != length) {
        wt_free(block);
        return wt_h5_fail(file, "take the image of", "");
    }
    *bytes = block;
    *size = (size_t)length;
    return WT_OK;
}

wt_status wt_h5_image(char **bytes, size_t *size, wt_h5 *file) {
    *bytes = NULL;
    *size = 0;
    wt_h5_lock();
    wt_status status = take_image(bytes, size, file);
    wt_h5_unlock();
    return status;
}

/* H5Fclose succeeds on a full disk (1.10.8), so what was written is flushed, and its status kept, before. */
static wt_status close_file(wt_h5 *file) {
    wt_status status = wt_h5_close_rows(file);
    if (file->writable && H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0 && status == WT_OK) {
        status = wt_h5_fail(file, "write", "");
    }
    if (H5Fclose(file->id) < 0 && status == WT_OK) status = wt_h5_fail(file, "close", "");
    return status;
}

/* Some file systems say only now that they are full. */
static wt_status sync_h5_file(const char *path) {
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    WT_CHECK(handle >= 0, WT_FAILED, "%s: cannot open (%s)", path, strerror(errno));
    int failed = fsync(handle) != 0 ? errno : 0;
    close(handle);
    WT_CHECK(failed == 0, WT_FAILED, "%s: cannot write (%s)", path, strerror(failed));
    return WT_OK;
}

wt_status wt_h5_close(wt_h5 *file) {
    if (file == NULL) return WT_OK;
    wt_h5_lock();
    wt_status status = close_file(file);
    wt_h5_unlock();
    if (status == WT_OK && file->writable && !file->image) status = sync_h5_file(file->name);
    free_handle(file);
    return status;
}
