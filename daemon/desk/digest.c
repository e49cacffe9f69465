/* SPDX-License-Identifier: MIT */
/* Keys of repeats, tokens and desk files are known by this. */
#include "daemon/desk/digest.h"

#include <openssl/evp.h>

#include "common/err.h"

void
digest_sha256(const void *p, size_t n, uint8_t ret[DIGEST_SIZE])
{
    static EVP_MD *method;

    if (method == NULL) {
        method = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    ensure(method != NULL && EVP_Digest(p, n, ret, NULL, method, NULL) == 1);
}
