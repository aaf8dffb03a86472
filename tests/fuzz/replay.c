/* Stands in for libFuzzer in the ordinary test run: gives a target every file of its corpus, whole
 * and cut off behind every octet, since peers and packets break off anywhere.
 *
 *   replay_TARGET CORPUS_DIR
 *
 * Each input lies in memory of exactly its size, so that a read behind it is seen. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/bytes.h"

enum { INPUT_MAX = 64 * 1024 };

static void feed(const uint8_t *octets, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);

    REQUIRE(exact);
    memcpy(exact, octets, n);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

/* The number of inputs it made, 0 if the file cannot be read. */
static size_t replay(const char *path)
{
    static uint8_t octets[INPUT_MAX];
    FILE *f = fopen(path, "rb");

    if (!f)
        return 0;
    size_t n = fread(octets, 1, sizeof(octets), f);
    (void)fclose(f);
    for (size_t cut = 0; cut <= n; cut++)
        feed(octets, cut);
    return n + 1;
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    size_t inputs = 0, files = 0;
    char path[4096];
    int n = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;

    for (int i = 0; i < n; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
        size_t made = entries[i]->d_name[0] == '.' ? 0 : replay(path);
        inputs += made;
        files += made > 0;
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    printf("%zu files, %zu inputs\n", files, inputs);
    return files ? 0 : 1;
}
