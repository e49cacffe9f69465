/* SPDX-License-Identifier: MIT */
/* Secrets of tokens: made of 32 bytes from the kernel, kept as SHA-256 only (they are too random to need salt). */
#include "daemon/desk/token.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/random.h>

#include "common/err.h"
#include "daemon/desk/digest.h"

#define SECRET_BYTES 32
#define SECRET_CHARS 43 /* base64 of 32 bytes without padding */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
token_make(char ret[TOKEN_SECRET_MAX])
{
    uint8_t secret[SECRET_BYTES + 1] = {0};
    size_t n = strlen(TOKEN_PREFIX);

    ensure(getrandom(secret, SECRET_BYTES, 0) == SECRET_BYTES);
    memcpy(ret, TOKEN_PREFIX, n);
    for (size_t bit = 0; bit < 8 * SECRET_BYTES; bit += 6) {
        unsigned two = (unsigned)secret[bit / 8] << 8 | secret[bit / 8 + 1];
        ret[n++] = letters[two >> (10 - bit % 8) & 63];
    }
    ret[n] = '\0';
    OPENSSL_cleanse(secret, sizeof(secret));
}

bool
token_is_formed(const char *secret)
{
    const size_t prefix = strlen(TOKEN_PREFIX);

    return strncmp(secret, TOKEN_PREFIX, prefix) == 0 && strspn(secret + prefix, letters) == SECRET_CHARS &&
           secret[prefix + SECRET_CHARS] == '\0';
}

void
token_hash(const char *secret, uint8_t ret[32])
{
    digest_sha256(secret, strlen(secret), ret);
}

bool
token_hash_equal(const uint8_t a[32], const uint8_t b[32])
{
    return CRYPTO_memcmp(a, b, 32) == 0;
}
