import COpenSSL

/// Owns one OpenSSL key.
///
/// Sendable because nothing changes an `EVP_PKEY` after it is made: each signature and each check
/// works in a context of its own, which OpenSSL documents as safe from several threads.
@safe final class OpenSSLKey: @unchecked Sendable {
    let pointer: OpaquePointer

    init?(_ pointer: OpaquePointer?) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
    }

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// Checks a signature over the message's SHA-256 in the form that OpenSSL itself uses: ECDSA in
    /// DER, which it wants spelt in the one right way, or RSA with PKCS #1 v1.5 padding.
    func isValid(signature: [UInt8], forSHA256Of message: [UInt8]) -> Bool {
        unsafe florin_sha256_verify(
            pointer, message, message.count, signature, signature.count) == 1
    }
}
