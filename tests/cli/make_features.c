/*
 * make_features FOLDER KIND MEL FACTOR SOUND…: mel spectra of sounds, times FACTOR, as other programs keep
 * them, in files of the sounds' names. KIND:
 *   rows      NAME.npy, float32, a row per frame
 *   columns   NAME-feats.npy, float64, last byte first, in Fortran order, a column per frame
 *   hdf5      NAME.h5, as ParallelWaveGAN writes it
 *   kaldi     raw.ark and feats.scp
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/prepare/mel.h"
#include "data/prepare/sound.h"
#include "h5/h5.h"

typedef struct {
    const char *folder, *name;
    const float *frames; /* [count, numbers] */
    int64_t count;
    int numbers;
} features;

static void die_on(wt_status status) {
    if (status == WT_OK) return;
    fprintf(stderr, "%s\n", wt_error_message());
    exit(1);
}

static FILE *open_beside(const features *f, const char *ending, const char *mode) {
    char path[2 * WT_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s%s", f->folder, f->name, ending);
    FILE *file = fopen(path, mode);
    if (!file) die_on(wt_error(WT_FAILED, "%s: can't be written", path));
    return file;
}

static void write_npy_features(const features *f, bool columns) {
    char header[256];
    FILE *file = open_beside(f, columns ? "-feats.npy" : ".npy", "wb");
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': (%lld, %lld), }%20s\n",
             columns ? ">f8" : "<f4", columns ? "True" : "False",
             (long long)(columns ? f->numbers : f->count), (long long)(columns ? f->count : f->numbers), "");
    const size_t length = strlen(header);
    fwrite("\x93NUMPY\1\0", 1, 8, file);
    fprintf(file, "%c%c%s", (int)(length & 255), (int)(length >> 8), header);
    /* [numbers, frames] column by column stands as [frames, numbers] row by row */
    for (int64_t i = 0; i < f->count * f->numbers; i++) {
        const double value = (double)f->frames[i];
        unsigned char bytes[8];
        memcpy(bytes, &value, 8);
        for (int b = 7; columns && b >= 0; b--) putc(bytes[b], file);
        if (!columns) fwrite(&f->frames[i], 4, 1, file);
    }
    fclose(file);
}

static void write_h5_file(const features *f) {
    char path[2 * WT_PATH_MAX + 16];
    wt_h5 *file;
    snprintf(path, sizeof path, "%s/%s.h5", f->folder, f->name);
    die_on(wt_h5_create(&file, path));
    die_on(wt_h5_write(file, "feats", (wt_h5_shape){WT_H5_FLOAT, 2, {f->count, f->numbers}}, f->frames, 0));
    die_on(wt_h5_close(file));
}

static void append_kaldi(const features *f) {
    const int32_t rows = (int32_t)f->count, columns = f->numbers;
    features archive = *f;
    archive.name = "raw";
    FILE *ark = open_beside(&archive, ".ark", "ab");
    archive.name = "feats";
    FILE *scp = open_beside(&archive, ".scp", "a");
    fseek(ark, 0, SEEK_END);
    fprintf(ark, "%s ", f->name);
    fprintf(scp, "%s %s/raw.ark:%ld\n", f->name, f->folder, ftell(ark));
    fwrite("\0BFM \4", 1, 6, ark);
    fwrite(&rows, 4, 1, ark);
    fwrite("\4", 1, 1, ark);
    fwrite(&columns, 4, 1, ark);
    fwrite(f->frames, 4, (size_t)(f->count * f->numbers), ark);
    fclose(ark);
    fclose(scp);
}

static void write_all_features(const features *f, const char *kind) {
    if (strcmp(kind, "hdf5") == 0) {
        write_h5_file(f);
    } else if (strcmp(kind, "kaldi") == 0) {
        append_kaldi(f);
    } else {
        write_npy_features(f, strcmp(kind, "columns") == 0);
    }
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: make_features FOLDER KIND MEL FACTOR SOUND…\n");
        return 2;
    }
    die_on(wt_folder_make(argv[1]));
    for (int i = 5; i < argc; i++) {
        wt_sound_format format;
        wt_mel mel;
        float *samples, *frames;
        char name[WT_PATH_MAX];
        die_on(wt_sound_read(&samples, &format, argv[i], 0, -1));
        die_on(wt_mel_parse(&mel, argv[3], format.rate));
        die_on(wt_mel_compute(&frames, &mel, samples, format.frames, format.rate));
        snprintf(name, sizeof name, "%s", wt_path_base(argv[i]));
        *strrchr(name, '.') = '\0';
        const features f = {argv[1], name, frames, wt_mel_count(&mel, format.frames), mel.bands};
        for (int64_t n = 0; n < f.count * f.numbers; n++) frames[n] *= (float)atof(argv[4]);
        write_all_features(&f, argv[2]);
        wt_free(samples);
        wt_free(frames);
    }
    return 0;
}
