import Cryptography
import OfflineProtocol

/// Real signatures on P-256. What was checked once is remembered with every byte of it, because a
/// certificate is looked at by hundreds of phones.
final class Notary {
    private struct Checked: Hashable {
        let publicKey: [UInt8]
        let message: [UInt8]
        let signature: [UInt8]
    }

    private var keys: [[UInt8]: VerifyingKey] = [:]
    private var answers: [Checked: Bool] = [:]

    func isGood(_ check: SignatureCheck) -> Bool {
        let checked = Checked(
            publicKey: check.publicKey, message: check.message, signature: check.signature)
        if let known = answers[checked] { return known }
        let answer =
            key(check.publicKey)?.isValid(signature: check.signature, for: check.message) ?? false
        answers[checked] = answer
        return answer
    }

    private func key(_ compressed: [UInt8]) -> VerifyingKey? {
        if let known = keys[compressed] { return known }
        guard let point = CurvePoint.uncompressed(compressed),
            let key = try? VerifyingKey(x963: point)
        else { return nil }
        keys[compressed] = key
        return key
    }
}

extension SigningKey {
    /// The key of a number: the same seed makes the same keys, and so the same ids.
    static func seeded(_ number: UInt64) -> SigningKey {
        var random = SeededBytes(number)
        while true {
            if let key = try? SigningKey(privateKey: random.next(32)) { return key }
        }
    }

    var compressed: [UInt8] { [2 + publicKey[64] & 1] + publicKey[1..<33] }
}

/// Bytes that a number determines.
struct SeededBytes {
    private var block: [UInt8]

    init(_ number: UInt64) {
        block = Hash.sha256("a key of the simulation, number \(number)")
    }

    mutating func next(_ count: Int) -> [UInt8] {
        block = Hash.sha256(block)
        return Array(block.prefix(count))
    }
}
