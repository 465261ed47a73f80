/* What the commands that make data sets share: their options, the progress bar, and what they print. */
#include <math.h>

#include "base/timer.h"
#include "prepare_command.h"
#include "wavetrain/base.h"

/* The bar appears once the work has taken a while: quick ones, and quick failures, need none. */
static void show_progress(void *context, int64_t done, int64_t total) {
    enum { QUICK = 2 }; /* seconds */
    wt_prepare_command *own = context;
    const char *label = own->shared ? "preparing (rank 0's share)" : "preparing";
    if (!own->bar) {
        if (!wt_log_is_verbose() || wt_time_now() - own->began < QUICK) return;
        if (wt_progress_create(&own->bar, label, "utterances", done, total, 10) != WT_OK)
            return; /* the work goes on without */
    }
    wt_progress_update(own->bar, done, 0, NAN);
}

void wt_prepare_command_init(wt_prepare_command *own) {
    *own = (wt_prepare_command){.shard_mib = 256, .began = wt_time_now()};
}

wt_status wt_prepare_check_range(const char *option, double value, double min, double max) {
    WT_CHECK(value >= min && value <= max, WT_USAGE, "%s: out of range (got %g, expected %g … %g)", option,
             value, min, max);
    return WT_OK;
}

void wt_prepare_command_show(wt_prepare_command *own, wt_comm *comm, const char *name) {
    own->name = name;
    own->shared = wt_comm_size(comm) > 1;
    own->output.progress = show_progress;
    own->output.context = own;
}

wt_status wt_prepare_command_check(wt_prepare_command *own, wt_comm *comm, const wt_command *command) {
    WT_CHECK(own->out, WT_USAGE, "--out: is missing (usage: wavetrain %s %s)", command->name,
             command->arguments);
    WT_TRY(wt_prepare_check_range("--shard-mib", own->shard_mib, 0.001, 65536));
    own->shard_bytes = (int64_t)(own->shard_mib * 1048576);
    own->output.out = own->out;
    wt_prepare_command_show(own, comm, own->out);
    return WT_OK;
}

double wt_prepare_command_finish(wt_prepare_command *own) {
    wt_progress_destroy(own->bar);
    own->bar = NULL;
    return wt_time_now() - own->began;
}

void wt_prepare_report(wt_prepare_command *own, const wt_prepared *prepared) {
    wt_prepared_print(prepared, own->name, wt_prepare_command_finish(own));
}
