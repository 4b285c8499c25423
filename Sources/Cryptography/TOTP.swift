import COpenSSL

/// Time-based one-time passwords (RFC 6238): SHA-1, six digits, thirty seconds, which is what every
/// authenticator app can do.
package enum TOTP {
    package static let digits = 6
    package static let stepSeconds: Int64 = 30
    /// Steps by which a telephone's clock may be early or late.
    package static let driftSteps: Int64 = 1
    /// As long as the hash, which RFC 4226 section 4 recommends.
    package static let secretBytes = 20

    /// The step in which this moment lies, counted from 1970.
    package static func step(atSecond seconds: Int64) -> Int64 { seconds / stepSeconds }

    /// RFC 4226 section 5.3.
    package static func code(_ secret: [UInt8], step: Int64, digits: Int = digits) -> String {
        var counter: [UInt8] = []
        counter.append(bigEndian: step)
        let tag = unsafe Sodium.bytes(20) { tag in
            let isDone = unsafe florin_hmac_sha1(secret, secret.count, counter, counter.count, tag)
            precondition(isDone == 1, "hashing what is in memory cannot fail")
        }
        let offset = Int(tag[19] & 15)
        let number = tag[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        var (rest, text) = (number & 0x7FFF_FFFF, "")
        for _ in 0..<digits {
            text = "\(rest % 10)" + text
            rest /= 10
        }
        return text
    }

    /// The step that the code is of, if it is now or a neighbour and later than `last`, the newest
    /// step of which a code was accepted.
    package static func step(
        of code: String, secret: [UInt8], atSecond seconds: Int64, after last: Int64
    ) -> Int64? {
        let now = step(atSecond: seconds)
        let text = Array(code.utf8)
        var found: Int64?
        // All are compared, so that time tells nothing.
        for step in (now - driftSteps)...(now + driftSteps) {
            let isSame = constantTimeEquals(Array(self.code(secret, step: step).utf8), text)
            if isSame, step > last { found = step }
        }
        return found
    }

    /// What an authenticator app reads from a QR code.
    ///
    /// - Parameter account: how the app shows whose code it is; plain ASCII without colon.
    package static func uri(secret: [UInt8], account: String, issuer: String) -> String {
        "otpauth://totp/\(issuer):\(account)?secret=\(Base32.encode(secret))&issuer=\(issuer)"
            + "&algorithm=SHA1&digits=\(digits)&period=\(stepSeconds)"
    }
}
