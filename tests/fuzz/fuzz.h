/* What the fuzz targets share. Each is a libFuzzer program: LLVMFuzzerTestOneInput calls fuzz_one with its
 * reader. */
#ifndef WAVETRAIN_TESTS_FUZZ_H
#define WAVETRAIN_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the bytes once, and once more with an allocation that fails, for one input in four. Ends the program
 * if a block of memory is left behind, or if a failure comes without a message. Returns 0. */
int fuzz_one(const uint8_t *data, size_t size, void (*read)(const uint8_t *data, size_t size));

/* The bytes as a file: its path, valid until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* A folder of this process, in memory where there is /dev/shm. */
const char *fuzz_folder(void);

/* "FOLDER/name", valid until the fourth call after. */
const char *fuzz_path(const char *name);

/* Ends the program: `what` has happened. */
void fuzz_fail(const char *what);

/* --- edits of HDF5 files --- */

enum { FUZZ_EDIT = 12 }; /* bytes of one */

/* Applies the edits in `data` to an HDF5 file through its library, which makes checksums of chunks anew.
 * Objects are chosen from the two lists, which end with NULL. */
void fuzz_edit(const char *path, const uint8_t *data, size_t size, const char *const *arrays,
               const char *const *attributes);

/* Applies those of the edits that change single bytes of any file. */
void fuzz_change_bytes(const char *path, const uint8_t *data, size_t size);

/* A whole file in memory (free); NULL: there is none. */
uint8_t *fuzz_load(const char *path, size_t *size);
void fuzz_save(const char *path, const uint8_t *data, size_t size);

#endif
