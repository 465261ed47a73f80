/* peak_of FILE COMMAND…: runs the command and appends to FILE the most memory that it has had resident, in
 * KiB. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct rusage usage;
    int status = 0;
    if (argc < 3) return 2;
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return 1;
    FILE *file = fopen(argv[1], "a");
    if (!file) return 1;
    fprintf(file, "%ld\n", usage.ru_maxrss);
    if (fclose(file) != 0) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
