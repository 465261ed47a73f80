/* Which parameters an update moves in which way: neighbours of one kind are one range. */
#include "train/restore.h"
#include "train_internal.h"

/* Biases, and the scales and shifts of norms, have one dimension. */
static bool is_decayed(const wt_parameter *entry, wt_decay_on decay_on) {
    return decay_on == WT_DECAY_ALL || entry->rank > 1;
}

wt_status wt_train_set_update_ranges(wt_optimizer *optimizer, const wt_parameter_table *table,
                                     wt_decay_on decay_on) {
    wt_update_range *ranges;
    int count = 0;
    WT_TRY(wt_alloc(&ranges, (size_t)table->count, sizeof *ranges, "ranges of parameters"));
    for (int p = 0; p < table->count; p++) {
        const wt_parameter *entry = &table->entries[p];
        if (!entry->trained) continue;
        const bool decay = is_decayed(entry, decay_on);
        wt_update_range *last = count ? &ranges[count - 1] : NULL;
        if (last && last->decay == decay && last->offset + last->count == entry->offset) {
            last->count += entry->count;
        } else {
            ranges[count++] = (wt_update_range){entry->offset, entry->count, decay};
        }
    }
    wt_status status = wt_optimizer_set_ranges(optimizer, ranges, count);
    wt_free(ranges);
    return status;
}
