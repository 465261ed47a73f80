#!/bin/bash
# A real SLURM cluster on this machine, for as long as a command runs.
#   cluster.sh check                says why there can be none here and fails, or says nothing
#   cluster.sh run FOLDER COMMAND…  starts head and NODES (3) nodes, runs the command on the head, ends all
# and for the command:
#   cluster.sh await-idle           until every node is free; fails after 15 s
#   cluster.sh kill-node I          node wtI is gone at once: link down, then SIGKILL to all of it
#   cluster.sh revive-node I        and comes back, empty
#   cluster.sh drop-link I | raise-link I
#   cluster.sh on-node I COMMAND…   runs it on node wtI
# As root, with munge, slurmctld and slurmd. The logs are in FOLDER/log.
#
# Head and nodes are namespaces (network, host name, mounts, processes, IPC), the nodes within the head's. So
# names, addresses and ports meet nobody else's, several clusters run side by side, and when the head's first
# process ends, by whatever cause, the kernel ends all others and takes away links and mounts: nothing is left
# behind. All nodes share this machine's files and cores; SLURM is told of more cores than there may be.
set -eu
self=$(readlink -f "$0")
NODES=${NODES:-3}
CPUS=${CPUS:-8} # of a node
state=/run/slurm # on the head's own /run: short paths, since sockets allow no more than 108 characters
export SLURM_CONF=$state/slurm.conf
spaces=(--net --uts --mount --pid --ipc --fork --kill-child --mount-proc)

die() {
    echo "cluster.sh: $*" >&2
    exit 1
}

# --- may there be one? ---

check() {
    local command
    [ "$(id -u)" = 0 ] || { echo "a SLURM cluster of namespaces takes root"; return 1; }
    for command in munged slurmctld slurmd srun sbatch scontrol unshare nsenter ip; do
        command -v $command >/dev/null ||
            { echo "there is no $command (jobs/setup.sh --tests installs it)"; return 1; }
    done
    unshare "${spaces[@]}" bash -c '
        mount -t tmpfs none /run && hostname check && ip link set lo up && ip link add bridge type bridge &&
        ip link add link1 type veth peer name link2' >/dev/null 2>&1 ||
        { echo "this machine grants no namespaces with mounts, a bridge and links"; return 1; }
}

# --- the head ---

configuration() {
    cat <<CONF
ClusterName=wavetrain
SlurmctldHost=head(10.77.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/spool.%n
TmpFS=$state/tmp.%n
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.%n.pid
SlurmctldLogFile=$1/slurmctld.log
SlurmdLogFile=$1/slurmd.%n.log
SlurmctldDebug=verbose
SlurmdDebug=verbose
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$1/jobs.txt
SwitchType=switch/none
MpiDefault=pmix
MailProg=/bin/true
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
KillWait=3
UnkillableStepTimeout=60
MinJobAge=3600
JobRequeue=1
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
NodeName=wt[1-$NODES] CPUs=$CPUS RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=wt[1-$NODES] Default=YES DefaultTime=5 MaxTime=60 State=UP OverSubscribe=NO
CONF
}

start_munge() {
    mkdir -p $state/munge
    dd if=/dev/urandom of=$state/munge/key bs=1k count=1 status=none
    chmod 400 $state/munge/key
    munged --key-file=$state/munge/key --socket=$state/munge/socket --pid-file=$state/munge/pid \
        --log-file=$state/munge/log --seed-file=$state/munge/seed
}

# A SLURM that this is not written for (other than 22.05) may want another configuration: skipped, not failed.
no_cluster() {
    tail -n 3 "$1"/*.log >&2
    slurmctld -V | grep -q " 22\.05" && die "the cluster did not come up"
    echo "skipped: no cluster came up with $(slurmctld -V)"
    exit 77
}

# The head's first process: it starts all, runs the command, and takes all down by ending.
be_head() {
    local log=$1/log node
    shift
    umask 022
    hostname head
    mount -t tmpfs none /run
    mount -t tmpfs none /dev/shm
    mkdir -p "$state/controller" "$state/tmp" "$log"
    echo "127.0.0.1 localhost" >$state/hosts
    echo "10.77.0.1 head" >>$state/hosts
    for node in $(seq "$NODES"); do echo "10.77.0.$((10 + node)) wt$node" >>$state/hosts; done
    mount --bind $state/hosts /etc/hosts
    configuration "$log" >$SLURM_CONF
    echo "$log" >$state/log
    ip link set lo up
    ip link add bridge type bridge
    ip addr add 10.77.0.1/24 dev bridge
    ip link set bridge up
    start_munge
    slurmctld -f $SLURM_CONF >"$log/head.log" 2>&1
    for node in $(seq "$NODES"); do start_node "$node"; done
    wait_for_idle || no_cluster "$log"
    export TMPDIR=$state/tmp
    trap : INT TERM # the command's end is waited for
    "$@"
}

wait_for_idle() {
    local tries
    for tries in $(seq 150); do
        [ "$(timeout 5 sinfo -h -N -o %T 2>/dev/null | grep -c '^idle$')" = "$NODES" ] && return
        sleep 0.1
    done
    return 1
}

# --- a node ---

start_node() {
    local log inner
    log=$(cat $state/log)
    rm -rf "$state/spool.wt$1" "$state/tmp.wt$1" "$state/slurmd.wt$1.pid"
    mkdir "$state/spool.wt$1" "$state/tmp.wt$1"
    setsid unshare "${spaces[@]}" bash "$self" be-node "$1" </dev/null >>"$log/node.wt$1.log" 2>&1 &
    echo $! >"$state/node$1.pid"
    disown # its end is no news
    until inner=$(first_process "$1"); do sleep 0.02; done
    ip link add "link$1" type veth peer name eth0 netns "$inner"
    ip link set "link$1" master bridge up
}

# first_process I: the one whose end is the node's
first_process() {
    pgrep -P "$(cat "$state/node$1.pid")"
}

# The node's first process adopts and reaps what others leave. A slurmd that ends alone doesn't end the node.
be_node() {
    hostname "wt$1"
    mount -t tmpfs none /dev/shm
    until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
    ip link set lo up
    ip addr add "10.77.0.$((10 + $1))/24" dev eth0
    ip link set eth0 up
    slurmd -D -f $SLURM_CONF -N "wt$1" &
    sleep infinity &
    wait
}

kill_node() {
    local outer tries
    outer=$(cat "$state/node$1.pid")
    ip link set "link$1" down
    kill -KILL "$outer"
    for tries in $(seq 100); do # a zombie counts as gone
        grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$outer/status" || break
        sleep 0.05
    done
    ip link del "link$1" 2>/dev/null || true # with the node's last process it goes by itself
}

command=${1-}
[ $# = 0 ] || shift
case $command in
check) check ;;
run)
    mkdir -p "$1"
    folder=$(readlink -f "$1")
    shift
    exec unshare "${spaces[@]}" bash "$self" be-head "$folder" "$@"
    ;;
be-head) be_head "$@" ;;
be-node) be_node "$1" ;;
await-idle) wait_for_idle ;;
kill-node) kill_node "$1" ;;
revive-node) start_node "$1" ;;
drop-link) ip link set "link$1" down ;;
raise-link) ip link set "link$1" up ;;
on-node)
    node=$1
    shift
    exec nsenter -a -t "$(first_process "$node")" --wd="$PWD" "$@"
    ;;
*) sed -n '3,10s/^# *//p' "$self" >&2; exit 2 ;;
esac
