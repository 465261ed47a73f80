/* MPI's own reduction and the speed of the link: what `wavetrain bench exchange` sets the exchange
 * against. */
#include <limits.h>

#include "base/timer.h"
#include "comm/exchange.h"
#include "comm_internal.h"

void wt_comm_sum_floats(wt_comm *comm, float *values, size_t count) {
    while (count) {
        int part = count > INT_MAX ? INT_MAX : (int)count;
        MPI_Allreduce(MPI_IN_PLACE, values, part, MPI_FLOAT, MPI_SUM, comm->all);
        values += part;
        count -= (size_t)part;
    }
}

double wt_comm_ping_pong(wt_comm *comm, void *data, size_t bytes, int rounds) {
    enum { TAG = 2 };
    int last = comm->size - 1, length = bytes > INT_MAX ? INT_MAX : (int)bytes;
    double best = 0;
    for (int round = 0; round < rounds && comm->size > 1; round++) {
        double began = wt_time_now();
        if (comm->rank == 0) {
            MPI_Send(data, length, MPI_BYTE, last, TAG, comm->all);
            MPI_Recv(data, length, MPI_BYTE, last, TAG, comm->all, MPI_STATUS_IGNORE);
        } else if (comm->rank == last) {
            MPI_Recv(data, length, MPI_BYTE, 0, TAG, comm->all, MPI_STATUS_IGNORE);
            MPI_Send(data, length, MPI_BYTE, 0, TAG, comm->all);
        }
        double seconds = (wt_time_now() - began) / 2;
        if (round == 0 || seconds < best) best = seconds;
    }
    MPI_Bcast(&best, 1, MPI_DOUBLE, 0, comm->all);
    return best;
}
