// Keys from and to raw bytes, and what is signed with them.
//
// Building a key needs OSSL_PARAM arrays, which keep pointers to the values they are given. Here the
// array, the values and the call that reads them share one C frame, so nothing can dangle.
#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#define FLORIN_P256_SCALAR_BYTES 32
#define FLORIN_P256_POINT_BYTES 65

// NULL when the parameters do not make a valid P-256 key.
static inline EVP_PKEY *florin_p256_from_params(OSSL_PARAM *params, int selection) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context == NULL) return NULL;
    if (EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, selection, params) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}

// The key of an uncompressed point, or NULL when the point is not on the curve.
static inline EVP_PKEY *florin_p256_public(const unsigned char *point) {
    OSSL_PARAM params[3];
    params[0] = OSSL_PARAM_construct_utf8_string(
        OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0);
    params[1] = OSSL_PARAM_construct_octet_string(
        OSSL_PKEY_PARAM_PUB_KEY, (void *)point, FLORIN_P256_POINT_BYTES);
    params[2] = OSSL_PARAM_construct_end();
    return florin_p256_from_params(params, EVP_PKEY_PUBLIC_KEY);
}

// Writes the public point of a scalar; 1 when the scalar is in 1 ..< n, else 0.
static inline int florin_p256_point(const BIGNUM *scalar, unsigned char *point) {
    int ok = 0;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *product = group ? EC_POINT_new(group) : NULL;
    if (product && !BN_is_zero(scalar) && BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 &&
        EC_POINT_mul(group, product, scalar, NULL, NULL, NULL) == 1) {
        ok = EC_POINT_point2oct(
                 group, product, POINT_CONVERSION_UNCOMPRESSED, point, FLORIN_P256_POINT_BYTES,
                 NULL) == FLORIN_P256_POINT_BYTES;
    }
    EC_POINT_free(product);
    EC_GROUP_free(group);
    return ok;
}

// The key of a big-endian scalar, and its public point; NULL when the scalar is out of range.
static inline EVP_PKEY *florin_p256_private(const unsigned char *bytes, unsigned char *point) {
    EVP_PKEY *key = NULL;
    unsigned char native[FLORIN_P256_SCALAR_BYTES];
    BIGNUM *scalar = BN_secure_new();
    if (scalar && BN_bin2bn(bytes, FLORIN_P256_SCALAR_BYTES, scalar) &&
        florin_p256_point(scalar, point) &&
        BN_bn2nativepad(scalar, native, sizeof native) == sizeof native) {
        OSSL_PARAM params[4];
        params[0] = OSSL_PARAM_construct_utf8_string(
            OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0);
        params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof native);
        params[2] = OSSL_PARAM_construct_octet_string(
            OSSL_PKEY_PARAM_PUB_KEY, point, FLORIN_P256_POINT_BYTES);
        params[3] = OSSL_PARAM_construct_end();
        key = florin_p256_from_params(params, EVP_PKEY_KEYPAIR);
    }
    OPENSSL_cleanse(native, sizeof native);
    BN_clear_free(scalar);
    return key;
}

// ECDSA with SHA-256. The signature is r || s, 32 bytes each, as RFC 7518 section 3.4 wants it.
static inline int florin_es256_sign(
    EVP_PKEY *key, const unsigned char *message, size_t count, unsigned char *raw
) {
    int ok = 0;
    unsigned char der[80];
    size_t length = sizeof der;
    ECDSA_SIG *signature = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, der, &length, message, count) == 1) {
        const unsigned char *cursor = der;
        signature = d2i_ECDSA_SIG(NULL, &cursor, (long)length);
        ok = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32) == 32 &&
             BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32) == 32;
    }
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(context);
    return ok;
}

// The DER form of r || s; 0 on failure, else its length. `der` has room for 80 bytes.
static inline int florin_es256_der(const unsigned char *raw, unsigned char *der) {
    int length = 0;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = s = NULL;  // Owned by the signature now.
        unsigned char *cursor = der;
        length = i2d_ECDSA_SIG(signature, &cursor);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return length > 0 ? length : 0;
}

// SHA-256 with one context for many messages: the one-shot SHA256() looks its algorithm up each time, which
// costs more than hashing a hundred bytes.
static inline EVP_MD_CTX *florin_sha256_new(void) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex2(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    return context;
}

static inline int florin_sha256(
    EVP_MD_CTX *context, const void *bytes, size_t count, unsigned char *digest
) {
    return EVP_DigestInit_ex2(context, NULL, NULL) == 1 &&
           EVP_DigestUpdate(context, bytes, count) == 1 &&
           EVP_DigestFinal_ex(context, digest, NULL) == 1;
}

static inline int florin_es256_verify(
    EVP_PKEY *key, const unsigned char *message, size_t count, const unsigned char *raw
) {
    unsigned char der[80];
    int length = florin_es256_der(raw, der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = length > 0 && context &&
             EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
             EVP_DigestVerify(context, der, (size_t)length, message, count) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

// A signature over the message's SHA-256, in the form that is OpenSSL's own for this kind of key.
static inline int florin_sha256_verify(
    EVP_PKEY *key, const unsigned char *message, size_t count, const unsigned char *signature, size_t length
) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
             EVP_DigestVerify(context, signature, length, message, count) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

// The RSA key of a modulus (big-endian) and the exponent 65537, or NULL.
static inline EVP_PKEY *florin_rsa_public(const unsigned char *modulus, size_t count) {
    EVP_PKEY *key = NULL;
    unsigned char native[1024];
    unsigned int exponent = 65537;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *n = count <= sizeof native ? BN_bin2bn(modulus, (int)count, NULL) : NULL;
    if (context && n && BN_bn2nativepad(n, native, (int)count) == (int)count) {
        OSSL_PARAM params[3];
        params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native, count);
        params[1] = OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent);
        params[2] = OSSL_PARAM_construct_end();
        if (EVP_PKEY_fromdata_init(context) != 1 ||
            EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
            EVP_PKEY_free(key);
            key = NULL;
        }
    }
    BN_free(n);
    EVP_PKEY_CTX_free(context);
    return key;
}

// HMAC-SHA1 (RFC 2104), for one-time passwords; `tag` has room for 20 bytes.
static inline int florin_hmac_sha1(
    const unsigned char *key, size_t key_count, const unsigned char *message, size_t count, unsigned char *tag
) {
    unsigned int length = 0;
    return HMAC(EVP_sha1(), key, (int)key_count, message, count, tag, &length) != NULL && length == 20;
}
