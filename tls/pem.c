#include "tls/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "config/base/slice.h"

/* A file's octets; wiped when they go, since they may be a key. */
struct pem_text {
    char *p;
    size_t n;
};

static void text_free(struct pem_text *t)
{
    if (t->p)
        explicit_bzero(t->p, t->n);
    free(t->p);
    *t = (struct pem_text){0};
}

static const char *read_all(int fd, struct pem_text *t)
{
    for (size_t at = 0; at < t->n;) {
        ssize_t got = read(fd, t->p + at, t->n - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return strerrordesc_np(errno);
        if (got == 0)
            return "the file became shorter while it was read";
        at += (size_t)got;
    }
    return NULL;
}

static const char *read_regular(int fd, struct pem_text *t)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerrordesc_np(errno);
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? strerrordesc_np(EISDIR) : "not a regular file";
    if (st.st_size == 0)
        return "the file is empty";
    if (st.st_size > LIMIT_PEM_FILE)
        return "the file is too large";
    t->n = (size_t)st.st_size;
    t->p = base_alloc(t->n);
    return read_all(fd, t);
}

static const char *read_file(const char *file, struct pem_text *out)
{
    struct pem_text t = {0};
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */

    if (fd < 0)
        return strerrordesc_np(errno);
    const char *why = read_regular(fd, &t);
    close(fd);
    if (why)
        text_free(&t);
    else
        *out = t;
    return why;
}

static BIO *bio_of(const struct pem_text *t)
{
    BIO *in = BIO_new_mem_buf(t->p, (int)t->n);
    REQUIRE(in);
    ERR_clear_error();
    return in;
}

static bool is_no_start_line(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* The first error of a chain is the cause; the later ones say who passed it on. */
static const char *library_words(const char *nothing_there)
{
    unsigned long error = ERR_peek_error();
    const char *words = is_no_start_line(error) ? nothing_there : ERR_reason_error_string(error);

    ERR_clear_error();
    return words ? words : nothing_there;
}

/* Certificates to the end of the text; anything but a clean end is an error, so that a file that
 * was cut off is not taken for a shorter chain. */
static const char *parse_chain(BIO *in, STACK_OF(X509) * out)
{
    X509 *each;

    while ((each = PEM_read_bio_X509(in, NULL, NULL, NULL)))
        REQUIRE(sk_X509_push(out, each) > 0);
    if (sk_X509_num(out) > 0 && is_no_start_line(ERR_peek_last_error())) {
        ERR_clear_error();
        return NULL;
    }
    return library_words("no certificate in PEM format is in it");
}

const char *pem_read_chain(const char *file, X509 **out_leaf, STACK_OF(X509) * *out_rest)
{
    struct pem_text text;
    const char *why = read_file(file, &text);

    if (why)
        return why;
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *in = bio_of(&text);
    REQUIRE(all);
    why = parse_chain(in, all);
    BIO_free(in);
    text_free(&text);
    if (why) {
        sk_X509_pop_free(all, X509_free);
        return why;
    }
    *out_leaf = sk_X509_shift(all);
    *out_rest = all;
    return NULL;
}

/* The library's key reader says "unsupported" to everything, so the form is looked at first. */
static const char *find_private_key(BIO *in)
{
    bool found = false;

    while (!found) {
        char *name, *header;
        unsigned char *data;
        long n;
        if (PEM_read_bio(in, &name, &header, &data, &n) != 1)
            return library_words("no private key in PEM format is in it");
        found = slice_caseends(slice_of(name), SLICE("PRIVATE KEY"));
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)n);
    }
    return BIO_reset(in) == 1 ? NULL : "it cannot be read twice";
}

/* A key behind a pass phrase would make the daemon ask the terminal. */
static int no_pass_phrase(char *buffer, int size, int writing, void *arg)
{
    *(bool *)arg = true;
    return -1;
}

const char *pem_read_key(const char *file, EVP_PKEY **out_key)
{
    struct pem_text text;
    bool asked = false;
    const char *why = read_file(file, &text);

    if (why)
        return why;
    BIO *in = bio_of(&text);
    why = find_private_key(in);
    EVP_PKEY *key = why ? NULL : PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase, &asked);
    if (asked)
        why = "the key is behind a pass phrase, which nobody is there to type";
    else if (!why && !key)
        why = library_words("the key cannot be read");
    BIO_free(in);
    text_free(&text);
    ERR_clear_error();
    *out_key = key;
    return why;
}
