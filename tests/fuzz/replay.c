/* SPDX-License-Identifier: MIT */
/*
 * Replays a corpus through a fuzz target without a fuzzer:  fuzz_X DIR|FILE...
 * So each input that ever mattered is a test on every machine, with any compiler. Speaks TAP: one case a program; the
 * name of the input is printed before it runs only when it kills the program (by a handler that needs no memory).
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char current[512]; /* input under way, for the handler */

static void
on_crash(int sig)
{
    static const char text[] = "# input: ";

    if (write(STDOUT_FILENO, text, sizeof(text) - 1) > 0 && write(STDOUT_FILENO, current, strlen(current)) > 0) {
        (void)!write(STDOUT_FILENO, "\n", 1);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

static bool
run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = 0, cap = 4096;
    char *bytes = xmalloc(cap);

    if (!f) {
        perror(path);
        free(bytes);
        return false;
    }
    (void)snprintf(current, sizeof(current), "%s", path);
    for (size_t got; (got = fread(bytes + n, 1, cap - n, f)) > 0;) {
        n += got;
        if (n == cap) {
            cap *= 2;
            bytes = xrealloc(bytes, cap);
        }
    }
    (void)fclose(f); /* only read */
    /* exactly as large as the input, so that a sanitizer sees the first byte behind it */
    uint8_t *exact = xmalloc(n);
    memcpy(exact, bytes, n);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    free(bytes);
    return true;
}

static int
run_path(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    if (!dir) {
        return run_file(path) ? 1 : -1;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        if (d->d_name[0] != '.') {
            char *file = xasprintf("%s/%s", path, d->d_name);
            count += run_file(file) ? 1 : 0;
            free(file);
        }
    }
    (void)closedir(dir); /* only read */
    return count;
}

int
main(int argc, char **argv)
{
    int count = 0;

    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    printf("1..1\n");
    for (int i = 1; i < argc; i++) {
        int n = run_path(argv[i]);
        count += n > 0 ? n : 0;
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%sok 1 - %d inputs\n", count > 0 ? "" : "not ", count);
    return count > 0 ? 0 : 1;
}
