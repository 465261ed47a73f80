/* Checkpoints and the state of training. */
#ifndef WAVETRAIN_RESTORE_H
#define WAVETRAIN_RESTORE_H

#include "network/network_model.h"
#include "optim/optim.h"
#include "wavetrain/checkpoint.h"

/* Sets which of the network's tensors an optimizer updates (running statistics are not), and which of them
 * decay. Not collective. */
wt_status wt_train_set_update_ranges(wt_optimizer *optimizer, const wt_parameter_table *table,
                                     wt_decay_on decay_on);

/* Fills flat parameters and, unless NULL, the optimizer from a checkpoint; the tensors must be just the
 * network's. Moments that the checkpoint's configuration had not begin anew. Not collective. */
wt_status wt_restore_state(wt_checkpoint *checkpoint, const wt_network *network, wt_real *parameters,
                           wt_optimizer *optimizer);

/* The hash of parameters, moments and mean in PyTorch's order, by name: the same on any number of ranks. */
wt_status wt_trainer_state_hash(wt_hash *hash, const wt_network *network, const wt_real *parameters,
                                const wt_optimizer *optimizer);

#endif
